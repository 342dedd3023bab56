import { findCommentEnd, findMarkup, findTagEnd } from "./hidden-html.ts";
import { insideOf, readParts } from "./html-syntax.ts";

/**
 * Where a comment or a tag begins in a list, a quote or a block of HTML, and its end stands outside: there the end is not seen as one, and a
 * browser hides all the rest. Undefined where there is none. Linear in the text.
 */
export function findLostMarkup(text: string): number | undefined {
  const lines = text.split("\n");
  for (const part of readParts(text)) {
    const lost = part.isHtml ? findOpenMarkup(part.lines, part.prefix) : findLostComment(lines, part.index);
    if (lost !== undefined) return part.at + lost;
  }
  return undefined;
}

/** As a browser reads it. The marks of a quote around it are no part of the block. */
function findOpenMarkup(block: readonly string[], prefix: string): number | undefined {
  const marks = prefix.includes(">") ? /^(?:[ \t]*>)+/ : /^(?!)/;
  const text = block
    .map((line, index) => (index === 0 ? " ".repeat(prefix.length) + line.slice(prefix.length) : line))
    .map((line) => line.replace(marks, (found) => " ".repeat(found.length)))
    .join("\n");
  for (let open = findMarkup(text, 0); open >= 0; ) {
    const name = /^<\/?[a-z][a-z0-9-]*/i.exec(text.slice(open, open + 40))?.[0];
    const end = name === undefined ? findCommentEnd(text, open) : findTagEnd(text, open + name.length);
    if (end < 0) return open;
    open = findMarkup(text, end);
  }
  return undefined;
}

/** In a line of a list or a quote. */
function findLostComment(lines: readonly string[], index: number): number | undefined {
  const line = lines[index] ?? "";
  const open = line.lastIndexOf("<!--");
  if (open < 0 || line.indexOf("-->", open + 2) >= 0) return undefined;
  const [prefix] = /^[ \t]*(?:[>*+-]|\d{1,9}[.)])[ \t>*+\-\d.)]*/.exec(line.slice(0, open)) ?? [];
  if (prefix === undefined) return undefined;
  const inside = insideOf(prefix);
  const later = lines.slice(index + 1, index + 1 + mostLines);
  const end = later.findIndex((next) => next.includes("-->"));
  return end >= 0 && later.slice(0, end + 1).every((next) => inside.test(next)) ? undefined : open;
}

/** A longer comment there counts as lost. */
const mostLines = 200;
