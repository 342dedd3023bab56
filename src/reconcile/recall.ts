import type { Logger } from "pino";
import { firstError } from "../github/api.ts";
import type { GitHubApp } from "../github/app.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import { type Recalled, recallEnd } from "../report/recall.ts";
import type { RunId } from "../run/identity.ts";
import type { RunRow } from "../store/queries/runs.ts";

/** How an open run ended, if GitHub knows more of it than the store. Asked once for each run that this process did not begin itself. */
export type Recall = (run: RunRow) => Promise<Recalled | undefined>;

export function createRecall(parts: { grants: Grants; app: GitHubApp; log: Logger; nowMs(): number }): Recall {
  const startedAtMs = parts.nowMs();
  const asked = new Set<RunId>();
  return async (run) => {
    const { state, request } = run;
    if (asked.has(run.id) || run.createdAtMs >= startedAtMs || state.at === "closing") return undefined;
    try {
      const { botId } = await parts.app.identity();
      await using doorman = await parts.grants.mint("doorman", scopeOf(run.id, request));
      const { owner, name: repo, subject } = request;
      // Written down anew by a store that had forgotten it, the run is older than its row.
      const sinceMs = Math.min(run.createdAtMs, request.askedAtMs);
      const at = { botId, owner, repo, number: subject.number, run: run.id, sinceMs };
      const found = await recallEnd(doorman.api, at);
      // An end that is known is said until it is written down: where that fails, the run would begin anew.
      if (!found) asked.add(run.id);
      return found;
    } catch (error) {
      // Asked again at the next look. The run goes on meanwhile, as it would if GitHub knew nothing.
      parts.log.warn({ err: firstError(error), runId: run.id }, "not looked up whether the run has ended");
      return undefined;
    }
  };
}
