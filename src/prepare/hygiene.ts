/** What was taken out of a text, by kind, for the report. */
export type Removed = Partial<
  Record<"HTML comments" | "invisible characters" | "image descriptions" | "HTML attributes" | "hidden link definitions", number>
>;

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
  return removeHidden(visible, count);
}

/** Line by line, since a fence and a comment each end the other's meaning. */
function removeHidden(text: string, count: (kind: keyof Removed) => void): string {
  const kept: string[] = [];
  let fence: string | undefined;
  let inComment = false;
  for (const line of text.split("\n")) {
    if (fence !== undefined) {
      kept.push(line);
      const close = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line)?.[1];
      if (close?.startsWith(fence)) fence = undefined;
      continue;
    }
    const open = inComment ? undefined : /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/.exec(line)?.[1];
    if (open !== undefined) {
      fence = open;
      kept.push(line);
      continue;
    }
    const rest = removeComments(line, inComment, () => count("HTML comments"));
    // A line that only a comment stood on goes with it.
    const wasHidden = inComment && rest.inComment;
    inComment = rest.inComment;
    if (!wasHidden) kept.push(removeInline(rest.text, count));
  }
  return kept.join("\n");
}

function removeComments(line: string, inside: boolean, onComment: () => void): { text: string; inComment: boolean } {
  let text = "";
  let at = 0;
  let inComment = inside;
  for (;;) {
    const next = line.indexOf(inComment ? "-->" : "<!--", at);
    if (next < 0) return { text: inComment ? text : text + line.slice(at), inComment };
    if (!inComment) {
      text += line.slice(at, next);
      onComment();
    }
    at = next + (inComment ? 3 : 4);
    inComment = !inComment;
  }
}

function removeInline(line: string, count: (kind: keyof Removed) => void): string {
  // `[//]: # (a comment)`: a definition that nothing refers to is not shown at all.
  if (/^ {0,3}\[[^\]]*\]:/.test(line) && !/^ {0,3}\[[^\]]+\]:[ \t]*<?https?:\/\/\S+$/.test(line)) {
    count("hidden link definitions");
    return "";
  }
  return removeDescriptions(line, count).replaceAll(/<(\/?[a-z][a-z0-9-]*)[ \t/][^<>]*>/gi, (whole, tag: string) => {
    if (whole === `<${tag} >` || whole === `<${tag}/>`) return whole;
    count("HTML attributes");
    return `<${tag}>`;
  });
}

/** `![text](picture)`: the text is shown only where the picture is missing. By hand, since a pattern would look at each opening anew. */
function removeDescriptions(line: string, count: (kind: keyof Removed) => void): string {
  let text = "";
  let at = 0;
  for (;;) {
    const open = line.indexOf("![", at);
    const close = open < 0 ? -1 : line.indexOf("]", open);
    if (close < 0) return text + line.slice(at);
    const description = line.slice(open + 2, close);
    const harmless = description === "" || description === "image";
    if (!harmless) count("image descriptions");
    text += line.slice(at, open) + (harmless ? line.slice(open, close + 1) : "![image]");
    at = close + 1;
  }
}

/** "2 HTML comments, 14 invisible characters", for people; empty where nothing was removed. */
export function printRemoved(all: readonly Removed[]): string[] {
  const total = new Map<string, number>();
  for (const removed of all) for (const [kind, count] of Object.entries(removed)) total.set(kind, (total.get(kind) ?? 0) + count);
  return [...total].map(([kind, count]) => `${count} ${count === 1 ? kind.replace(/s$/, "") : kind}`);
}
