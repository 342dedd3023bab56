/** What a comment asks for, if its first line is a command of ours. */
export type CommandLine =
  | { command: "fix"; instructions: string }
  | { command: "stop" | "status" | "help" }
  /** `commit`: what follows on the line, or empty. */
  | { command: "publish" | "discard"; commit: string }
  | { command: "unknown"; word: string };

/**
 * The first line alone decides, and it is the command to the letter: a quote, a code fence, an indented line or look-alike letters
 * are text about the command, not the command. What follows belongs to `fix` as instructions.
 */
export function parseCommandLine(body: string): CommandLine | undefined {
  const [first = "", ...rest] = body.split(/\r?\n/);
  // No pattern over the whole line: anybody may comment, and one that tries every split of a run of blanks would hold the process up.
  if (!first.startsWith("/agent") || /[\r\u2028\u2029]/.test(first)) return undefined;
  const after = first.slice("/agent".length);
  if (after !== "" && !isBlank(after)) return undefined;
  const text = trimBlanks(after);
  const [word = ""] = /^\S*/.exec(text) ?? [];
  const tail = text.slice(word.length);
  if (tail !== "" && !isBlank(tail)) return undefined;
  if (word === "fix") return { command: "fix", instructions: [trimBlanks(tail), ...rest].join("\n").trim() };
  if (word === "stop" || word === "status" || word === "help") return { command: word };
  if (word === "publish" || word === "discard") return { command: word, commit: trimBlanks(tail).slice(0, 80) };
  return word === "" ? { command: "help" } : { command: "unknown", word: word.slice(0, 40) };
}

function isBlank(text: string): boolean {
  return text.startsWith(" ") || text.startsWith("\t");
}

/** Blanks are space and tab alone: other white space is a look-alike. */
function trimBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charAt(from))) from++;
  while (to > from && isBlank(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}
