import { splitFencedCode } from "./fenced-code.ts";
import { type HiddenMarkup, removeFenceNotes, removeHiddenMarkup } from "./hidden-markup.ts";

/** What was taken out of a text, by kind, for the report. */
export type Removed = Partial<Record<HiddenMarkup | "invisible characters", number>>;

export interface Cleaned {
  text: string;
  removed: Removed;
}

/**
 * Takes out of Markdown what a reader of the rendered page does not see, and so did not approve of. Fenced code is shown as it is
 * written, so it is kept, but for invisible characters. Pure, and idempotent: what one removal joins together is looked at again.
 */
export function cleanMarkdown(text: string): Cleaned {
  const removed: Removed = {};
  let current = text.toWellFormed().replaceAll("\r\n", "\n");
  for (let round = 0; round < mostRounds; round++) {
    const next = cleanOnce(current, removed);
    if (next === current) return { text: current, removed };
    current = next;
  }
  // Text made to be slow: what opens a hidden part is broken apart instead.
  return { text: cleanOnce(current.replaceAll("<", "< "), removed), removed };
}

const mostRounds = 12;

/** Not shown by any browser, or changing the order in which the rest is shown. Line feed and tab stay. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cf}\p{Co}\p{Cn}]|[^\P{Cc}\n\t]/gu;
const invisibleEntity =
  /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(zwj|zwnj|lrm|rlm|shy|NoBreak|ZeroWidthSpace|InvisibleTimes|InvisibleComma|ApplyFunction|af|it|ic));/gi;

function cleanOnce(text: string, removed: Removed): string {
  const count = (kind: keyof Removed, by = 1) => {
    removed[kind] = (removed[kind] ?? 0) + by;
  };
  const visible = text
    .replaceAll(invisible, () => {
      count("invisible characters");
      return "";
    })
    .replaceAll(invisibleEntity, (whole, decimal: string | undefined, hex: string | undefined) => {
      const code = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : 0x200b;
      if (code > 0x10ffff || !new RegExp(invisible.source, "u").test(String.fromCodePoint(code))) return whole;
      count("invisible characters");
      return "";
    });
  const kept: string[] = [];
  for (const { code, text: own } of splitFencedCode(visible)) {
    if (code) {
      const begin = own.split("\n", 1)[0] ?? "";
      kept.push(removeFenceNotes(begin, { count }) + own.slice(begin.length));
      continue;
    }
    const shown = removeHiddenMarkup(own, count);
    kept.push(shown.text);
    if (shown.cut) break;
  }
  return kept.join("\n");
}

/** "2 HTML comments, 14 invisible characters", for people; empty where nothing was removed. */
export function printRemoved(all: readonly Removed[]): string[] {
  const total = new Map<string, number>();
  for (const removed of all) for (const [kind, count] of Object.entries(removed)) total.set(kind, (total.get(kind) ?? 0) + count);
  return [...total].map(([kind, count]) => `${count} ${count === 1 ? kind.replace(/s$/, "") : kind}`);
}
