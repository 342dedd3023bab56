import type { Fact } from "../run/fact.ts";
import type { Run } from "../run/state.ts";
import { removeRunFolder } from "../sandbox/ready.ts";
import { removeSandbox } from "../sandbox/sandboxes.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { CloseParts } from "./close.ts";
import { tellWaiting } from "./tell-waiting.ts";

/**
 * Lets a held run wait without holding anything: its sandbox and door go, its place and tokens with them. Only its repository stays, which
 * has the very commit that may be published. Then GitHub shows what is held and how it is released.
 */
export async function restRun(parts: CloseParts, run: RunRow, state: Extract<Run, { at: "held" }>): Promise<Fact> {
  await parts.watchers.shut(run);
  parts.watchers.forget(run.id);
  await removeSandbox(parts.engine, { instance: parts.instance, run: run.id });
  await removeRunFolder(parts.runsFolder, run.id);
  await tellWaiting(parts, run, state.stand.sha);
  await parts.grants.revokeAll(run.id);
  return { is: "rested" };
}
