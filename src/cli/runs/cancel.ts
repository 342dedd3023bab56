import { exitCodes } from "../../fault.ts";
import type { Terminal } from "../terminal.ts";
import { parseRunsOptions, requireRunId } from "./options.ts";

export async function cancelRun(options: unknown, terminal: Terminal): Promise<number> {
  const parsed = parseRunsOptions(options);
  const id = requireRunId(parsed);
  await parsed.client.cancel(id);
  if (parsed.json) terminal.out(JSON.stringify({ ok: true }));
  else terminal.err(`run ${id} is being stopped`);
  return exitCodes.done;
}
