import { Fault } from "../fault.ts";
import type { Terminal } from "./terminal.ts";

/** Tells a failure on stderr: two lines for people, one JSON object where `json` was asked for. Stdout stays free for data. */
export function reportFault(error: unknown, { terminal, json }: { terminal: Terminal; json: boolean }): void {
  const fault = error instanceof Fault ? error : asFault(error);
  if (json) {
    terminal.err(JSON.stringify({ error: { code: fault.code, message: fault.message, remedy: fault.remedy } }));
    return;
  }
  terminal.err(`${terminal.style("err", "red", "airlock:")} ${fault.message}`);
  terminal.err(fault.remedy);
  // What nobody foresaw is a bug of ours: its stack is what a report needs.
  if (fault !== error && error instanceof Error && error.stack) terminal.err(error.stack);
}

function asFault(error: unknown): Fault {
  return new Fault("internal.unexpected", error instanceof Error ? error.message : String(error), {
    remedy: "This is a fault of Airlock's own: please report it with the lines below",
    cause: error,
  });
}
