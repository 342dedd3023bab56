/** What a comment asks for, if its first line is a command of ours. */
export type CommandLine =
  | { command: "fix"; instructions: string }
  | { command: "stop" | "status" | "help" }
  | { command: "unknown"; word: string };

/**
 * The first line alone decides, and it is the command to the letter: a quote, a code fence, an indented line or look-alike letters
 * are text about the command, not the command. What follows belongs to `fix` as instructions.
 */
export function parseCommandLine(body: string): CommandLine | undefined {
  const [first = "", ...rest] = body.split(/\r?\n/);
  const match = /^\/agent(?:[ \t]+(\S+)(?:[ \t]+(.*))?)?[ \t]*$/.exec(first);
  if (!match) return undefined;
  const [, word = "help", tail = ""] = match;
  if (word === "fix") return { command: "fix", instructions: [tail, ...rest].join("\n").trim() };
  if (word === "stop" || word === "status" || word === "help") return { command: word };
  return { command: "unknown", word: word.slice(0, 40) };
}
