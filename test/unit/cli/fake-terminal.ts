import type { Terminal } from "../../../src/cli/terminal.ts";

export interface FakeTerminal extends Terminal {
  outLines: string[];
  errLines: string[];
}

/** Keeps what a command wrote, without style. */
export function fakeTerminal(): FakeTerminal {
  const outLines: string[] = [];
  const errLines: string[] = [];
  return {
    outLines,
    errLines,
    out: (line) => void outLines.push(...line.split("\n")),
    err: (line) => void errLines.push(...line.split("\n")),
    style: (_stream, _format, text) => text,
    interactive: false,
  };
}
