import { firstError, isPassing } from "../github/api.ts";
import type { Fact } from "../run/fact.ts";
import type { Run } from "../run/state.ts";
import { removeRunFolder } from "../sandbox/ready.ts";
import { removeSandbox } from "../sandbox/sandboxes.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { CloseParts } from "./close.ts";

/**
 * Lets a held run wait without holding anything: its sandbox and door go, its place and tokens with them. Only its repository stays, which
 * has the very commit that may be published. Then GitHub shows what is held and how it is released.
 */
export async function restRun(parts: CloseParts, run: RunRow, state: Extract<Run, { at: "held" }>): Promise<Fact> {
  await parts.watchers.shut(run);
  parts.watchers.forget(run.id);
  await removeSandbox(parts.engine, { instance: parts.instance, run: run.id });
  await removeRunFolder(parts.runsFolder, run.id);
  for (const report of [() => parts.teller.check(run, { sha: state.stand.sha }), () => parts.teller.comment(run)]) {
    try {
      await report();
    } catch (thrown) {
      const error = firstError(thrown);
      if (isPassing(error)) throw error;
      // Held work is not lost because GitHub refuses a sentence about it: the page and the command line release it as well.
      parts.log.warn({ err: error, runId: run.id }, "report refused");
    }
  }
  await parts.grants.revokeAll(run.id);
  return { is: "rested" };
}
