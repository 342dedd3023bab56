import { findLookAlikes, printLookAlike } from "../report/look-alike.ts";
import type { AddedLine } from "./added-lines.ts";
import { printable } from "./inspect.ts";

const shown = 15;
const longestLine = 5_000;
/** Counted up to here; more is no news. */
const mostNotes = 1_000;

/**
 * ◆ What a reviewer does not see in a change, though a compiler or a shell does (CVE-2021-42574 and CVE-2021-42694): marks that change the order
 * in which text is shown, characters that are not shown, letters that look like others, sequences that a terminal obeys. In names and in
 * added lines, a note for each place.
 */
export function noteHiddenText(of: { paths: readonly string[]; lines: readonly AddedLine[] }): string[] {
  const names = of.paths.flatMap((path) =>
    describe(path, "").map((what) => `hidden in a file's name: ${printable(path)}: ${what}`),
  );
  // Git's word for it would need another reading of each file; a NUL is what it goes by.
  const binary = new Set(of.lines.filter(({ text }) => text.includes("\0")).map(({ path }) => path));
  const lines: string[] = [];
  for (const { path, line, text } of of.lines) {
    if (binary.has(path)) continue;
    if (lines.length >= mostNotes) break;
    // A mark of the byte order may begin a file.
    const what = describe(line === 1 ? text.replace(/^\ufeff/, "") : text, "\r");
    lines.push(...what.map((each) => `hidden in a line: ${printable(path)}, line ${line}: ${each}`));
  }
  const all = [...new Set([...names, ...lines])];
  return all.length > shown ? [...all.slice(0, shown), `and ${all.length - shown} more places with hidden text`] : all;
}

const reordering = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const unseen = /[\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const controls = /[\u0000-\u0008\u000b\u000d-\u001f\u007f-\u009f]/g;
/** Where joiners and selectors belong: in pictures, and in scripts whose letters are joined. */
const honest =
  /(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f|[#*0-9])[\u200d\ufe0e\ufe0f]|[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{M}][\u200c\u200d]|\p{Script=Han}[\ufe00-\ufe02\u{e0100}-\u{e01ef}]/gu;

function describe(whole: string, lineEnd: string): string[] {
  const text = (lineEnd && whole.endsWith(lineEnd) ? whole.slice(0, -lineEnd.length) : whole).slice(0, longestLine);
  // Printable ASCII and tabs hide nothing.
  if (/^[\t\u0020-\u007e]*$/.test(text)) return [];
  const rest = text.replaceAll(honest, "x");
  const alike = findLookAlikes(text).slice(0, 3);
  return [
    ...codes(rest, reordering, "changes the order in which the line is shown"),
    ...codes(rest.replaceAll(reordering, ""), unseen, "is not shown"),
    ...codes(rest, controls, "is a control character"),
    ...(alike.length > 0 ? [`looks like something else: ${alike.map(printLookAlike).join(", ")}`] : []),
  ];
}

function codes(text: string, pattern: RegExp, what: string): string[] {
  const found = new Set(text.match(pattern) ?? []);
  if (found.size === 0) return [];
  const names = [...found]
    .slice(0, 4)
    .map((char) => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`);
  return [`${names.join(", ")} ${what}`];
}
