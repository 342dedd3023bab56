import { firstError, isPassing } from "../github/api.ts";
import type { Sha } from "../run/identity.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { CloseParts } from "./close.ts";

/** Shows on check and comment for what a run waits. Throws what passes by itself: then it is told again. */
export async function tellWaiting(parts: Pick<CloseParts, "teller" | "log">, run: RunRow, sha: Sha): Promise<void> {
  for (const report of [() => parts.teller.check(run, { sha }), () => parts.teller.comment(run)]) {
    try {
      await report();
    } catch (thrown) {
      const error = firstError(thrown);
      if (isPassing(error)) throw error;
      // No work is lost because GitHub refuses a sentence about it: the page and the command line tell it as well.
      parts.log.warn({ err: error, runId: run.id }, "report refused");
    }
  }
}
