import { exitCodes, Fault } from "../../fault.ts";
import type { Terminal } from "../terminal.ts";
import { parseRunsOptions, requireRunId } from "./options.ts";

/** An operator's word on a held run: exactly the commit that is held is pushed, or dropped. */
export async function decideRun(kind: "publish" | "discard", options: unknown, terminal: Terminal): Promise<number> {
  const parsed = parseRunsOptions(options);
  const id = requireRunId(parsed);
  if (parsed.commit !== undefined && !/^[0-9a-f]{7,40}$/.test(parsed.commit))
    throw new Fault("usage.commit", "that is no commit: seven to forty hexadecimal digits are", {
      remedy: `See ./airlock runs show ${id}`,
    });
  const sha = await parsed.client.decide(id, kind, parsed.commit);
  if (parsed.json) terminal.out(JSON.stringify({ ok: true, sha }));
  else terminal.err(kind === "publish" ? `run ${id}: commit ${sha} is being published` : `run ${id} is being discarded`);
  return exitCodes.done;
}
