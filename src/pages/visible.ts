/** Makes text from the agent or from strangers harmless to the eye: nothing in it moves, hides or reverses other text. */

/**
 * For prose and command output: terminal sequences (colours, links, titles) are removed, other control characters and
 * characters that reorder or hide text are named. Joiners and variation selectors stay, since emoji need them.
 */
export function printCalm(text: string): string {
  return nameHidden(text.replace(terminalSequence, "").replace(/\r\n?/g, "\n"), emojiParts);
}

/** For code under review: nothing is removed, everything that is invisible is named. */
export function printExact(text: string): string {
  return nameHidden(text, none);
}

/** One short line of somebody else's text: a title, a login, a path. */
export function printLine(text: string): string {
  return printCalm(cutText(text, 600).text).replaceAll("\n", " ");
}

/** `limitChars` UTF-16 units at most, cut between characters, and what was cut is said. */
export function cutText(text: string, limitChars: number): { text: string; cutChars: number } {
  if (text.length <= limitChars) return { text, cutChars: 0 };
  // A lone half of a surrogate pair would become a replacement character.
  const end = /[\uD800-\uDBFF]/.test(text[limitChars - 1] ?? "") ? limitChars - 1 : limitChars;
  return { text: text.slice(0, end), cutChars: text.length - end };
}

// CSI (final byte ends it), the string sequences OSC, DCS, SOS, PM and APC (BEL or ST ends them), then two-byte escapes.
const terminalSequence =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-Z\\^-~]/g;
const hidden = /[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;
const emojiParts = new Set(["\u200d", "\ufe0e", "\ufe0f"]);
const none = new Set<string>();

function nameHidden(text: string, kept: ReadonlySet<string>): string {
  return text.toWellFormed().replace(hidden, (character) => {
    if (character === "\n" || character === "\t" || kept.has(character)) return character;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
