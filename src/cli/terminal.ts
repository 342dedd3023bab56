import { styleText } from "node:util";

/** Where a command writes. Data goes to `out`, everything else to `err`, so that a pipe carries data only. */
export interface Terminal {
  /** One line of data on stdout. */
  out(line: string): void;
  /** One line of progress or explanation on stderr. */
  err(line: string): void;
  /** Styled for stdout or stderr if that is a terminal and NO_COLOR is not set. */
  style(stream: "out" | "err", format: Parameters<typeof styleText>[0], text: string): string;
  /** Whether a person watches stdout. */
  interactive: boolean;
}

export function processTerminal(): Terminal {
  // `head` closes the pipe when it has seen enough: that is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    // It looks at NO_COLOR, FORCE_COLOR and TERM by itself.
    style: (stream, format, text) =>
      styleText(format, text, { stream: stream === "out" ? process.stdout : process.stderr, validateStream: true }),
    interactive: process.stdout.isTTY === true,
  };
}
