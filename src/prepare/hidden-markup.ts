import { cutOff, guardSentences, removeBlockHtml, removeInlineHtml, unguard } from "./hidden-html.ts";
import { listBegin } from "./html-syntax.ts";
import { findLostMarkup } from "./lost-html.ts";

export type HiddenMarkup =
  | "HTML comments"
  | "image descriptions"
  | "HTML attributes"
  | "hidden link definitions"
  | "link titles"
  | "notes on code";

/** Takes out of Markdown without code what its rendered page does not show. `cut`: nothing is shown of what comes after it either.
 *  Pure; each step is linear in the text. */
export function removeHiddenMarkup(text: string, count: (kind: HiddenMarkup) => void): { text: string; cut: boolean } {
  const lost = findLostMarkup(text);
  if (lost !== undefined) count("HTML comments");
  // The marks in a fence's notes go only after the HTML: within HTML a fence is none, and its notes may open or end a comment.
  const own = lost === undefined ? text : cutOff(text, lost);
  const unnoted = removeDefinitions(removeFenceNotes(own, { count, words: true }), { count, where: firstDefinition });
  const hasHtml = beginsHtml.test(unnoted);
  const guarded = hasHtml ? guardSentences(unnoted) : unnoted;
  const bare = /<[a-z/!?]/i.test(guarded)
    ? guarded.replaceAll(listBegin.test(guarded) ? quoteMarks : quoteMarksOutside, "")
    : guarded;
  const sentences = removeInlineHtml(bare, count);
  const plain = hasHtml ? unguard(removeBlockHtml(sentences, count)) : sentences;
  const shown = removeFenceNotes(removeDescriptions(plain, count), { count });
  const named = removeDefinitions(shown, { count, where: definition });
  return { text: removeTitles(named, count), cut: lost !== undefined };
}

function removeTitles(text: string, count: (kind: HiddenMarkup) => void): string {
  return text
    .replaceAll(linkTitle, (_, url: string) => {
      count("link titles");
      return `](${url})`;
    })
    .replaceAll(longTarget, (_, url: string) => {
      count("link titles");
      return `](${url}`;
    });
}

/** Before the HTML, since Markdown reads them first, and after it, since it may have hidden one. */
function removeDefinitions(text: string, { count, where }: { count(kind: HiddenMarkup): void; where: RegExp }): string {
  return text.replaceAll(where, (whole: string, label: string, url: string) => {
    // Nothing shows a label; one that is a short word is kept, since links in the text use it.
    const kept = !/^<?https?:\/\/\S*$/.test(url) ? "" : /^[\w.-]{1,30}$/.test(label) ? `[${label}]: ${url}` : url;
    if (kept !== whole) count("hidden link definitions");
    return kept;
  });
}

/** A line that may begin a block of HTML, in which other rules hold. */
const beginsHtml = /^[ \t>*+\-\d.)]*<(?:[a-z/?]|!(?:--|[a-z[]))/im;
/** Markdown takes them off before it reads HTML, so they end no tag. */
const quoteMarks = /^(?:[ \t]*>)+ ?/gm;
/** Further in, one is text, but within a list. */
const quoteMarksOutside = /^(?: {0,3}>)+ ?/gm;
/** A title, as CommonMark has it. */
const title = String.raw`(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\((?:\\.|[^()\\])*\))`;
const definition = new RegExp(
  String.raw`^[ \t>*+\-\d.)]*\[((?:\\.|[^\]\\]){1,999})\]:[ \t]*(?:\n[ \t>]*)?(<[^<>\n]*>|[^\s<]\S*)(?:[ \t]*(?:\n[ \t>]*|(?<=[ \t]))${title})?[ \t]*$`,
  "gm",
);
/** Within brackets a target may be whole sentences. */
const longTarget = /\]\(\s{0,9}<([^\s<>]*)[ \t][^<>\n]*>/g;
/** In the midst of a sentence there is none. */
const firstDefinition = new RegExp(`(?<=(?<![^])|^[ \\t>]*\\n)${definition.source}`, "gm");
const linkTitle = new RegExp(String.raw`\]\(\s{0,9}((?:[^\s()]|\([^\s()]*\))*)(?:[ \t]*\n[ \t>]*|[ \t]+)${title}\s{0,9}\)`, "g");

/** What stands behind the marks that begin a fence: of it the page shows nothing, though the first word, the language, tells what the code is.
 *  `words`: only words go, and all that could be a part of HTML stays. */
export function removeFenceNotes(text: string, { count, words }: { count(kind: HiddenMarkup): void; words?: boolean }): string {
  return text.replaceAll(fenceBegin, (whole, mark: string, notes: string) => {
    const language = /^[\w+#.-]{1,30}/.exec(notes)?.[0] ?? "";
    const rest = words ? notes.slice(language.length).replaceAll(word, (_, tag?: string) => tag ?? "") : "";
    const kept = (mark + language + rest).trimEnd();
    if (kept === whole.trimEnd()) return whole;
    count("notes on code");
    return kept;
  });
}

const word = /(<[/!]?[a-z][a-z0-9-]*)|[\p{L}\p{N}]+/giu;
const fenceBegin = /^([ \t>*+\-\d.)]*(?:`{3,}(?=[^`\n]*$)|~{3,})[ \t]*)([^\n]*)$/gm;

/** `![text](picture)`: the text is shown only where the picture is missing. Brackets nest, so they are matched by hand, in one pass. */
function removeDescriptions(text: string, count: (kind: HiddenMarkup) => void): string {
  const open: { at: number; image: boolean }[] = [];
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at += 1;
    else if (character === "[") open.push({ at, image: text[at - 1] === "!" });
    else if (character === "]") {
      const last = open.pop();
      if (!last?.image) continue;
      while ((found.at(-1)?.start ?? -1) > last.at) found.pop();
      found.push({ start: last.at + 1, end: at });
    }
  }
  let kept = "";
  let from = 0;
  for (const { start, end } of found) {
    const description = text.slice(start, end);
    if (description === "" || description === "image") continue;
    count("image descriptions");
    kept += `${text.slice(from, start)}image`;
    from = end;
  }
  return kept + text.slice(from);
}
