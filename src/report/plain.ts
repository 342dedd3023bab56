/** Text as one may safely hand to a terminal, a page or a database: see `printPlain`. */

// Escape sequences whole, so that no half of one is left as visible noise. Every alternative starts with ESC or C1 and consumes
// disjoint classes, so the scan is linear however the text is made.
const sequences = new RegExp(
  [
    // Strings for the terminal (titles, links, device control), up to their end or the line's.
    "(?:\\u001b[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u009c\\n]*(?:\\u0007|\\u001b\\\\|\\u009c)?",
    "(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]?",
    "\\u001b[ -/]*[0-~]?",
  ].join("|"),
  "g",
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what this is about.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** Marks that change the order in which text is shown: they make a reader see other words than a program does. */
const reordering = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Removes terminal sequences, control characters (line feed and tab stay) and marks that reorder text; mends lone surrogates. */
export function printPlain(text: string): string {
  return text.replace(sequences, "").replace(/\r\n?/g, "\n").replace(controls, "").replace(reordering, "").toWellFormed();
}

/** At most `limit` UTF-16 units, of which the mark that something was left out is a part. Never cuts a character in two. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const mark = ` … [${text.length} characters in all, the rest is left out]`;
  if (mark.length >= limit) return text.slice(0, limit).toWellFormed();
  const kept = text.slice(0, limit - mark.length);
  return (/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept) + mark;
}
