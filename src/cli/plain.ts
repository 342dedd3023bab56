import { stripVTControlCharacters } from "node:util";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const terminalString = /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[\s\S]*?(?:\u0007|\u001b\\|\u009c|$)/g;

/** Text from elsewhere as one harmless terminal line: no control character, escape sequence or text-direction mark is left. */
export function plain(text: string): string {
  // OSC and DCS strings first and whole: stripping only their heads would leave a link's address behind as text.
  return stripVTControlCharacters(text.replace(terminalString, ""))
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "");
}

/** One JSON line in which C1 control characters and direction marks are escaped too: JSON itself escapes only C0. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
