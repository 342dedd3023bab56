import { exitCodes } from "../../fault.ts";
import { plain, plainJson } from "../plain.ts";
import type { Terminal } from "../terminal.ts";
import type { TranscriptEvent } from "./client.ts";
import { parseRunsOptions, requireRunId } from "./options.ts";

/** Prints a transcript. Ctrl-c ends the printing, not the run: 130. */
export async function printLogs(options: unknown, terminal: Terminal): Promise<number> {
  const parsed = parseRunsOptions(options);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once("SIGINT", interrupt);
  try {
    for await (const event of parsed.client.logs(requireRunId(parsed), { follow: parsed.follow, signal: interrupted.signal })) {
      terminal.out(parsed.json ? plainJson(event) : printEvent(event, terminal));
    }
    return exitCodes.done;
  } catch (error) {
    if (interrupted.signal.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    process.off("SIGINT", interrupt);
  }
}

function printEvent(event: TranscriptEvent, terminal: Terminal): string {
  const time = new Date(event.atMs).toISOString().slice(11, 19);
  const kind = plain(event.tool ? `${event.kind} ${event.tool}` : event.kind);
  return `${terminal.style("out", "dim", time)}  ${terminal.style("out", "bold", kind)}  ${plain(event.text)}`;
}
