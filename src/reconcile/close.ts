import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { Watchers } from "../agent/watch.ts";
import { Fault } from "../fault.ts";
import type { GitHost } from "../git/client.ts";
import { firstError, isPassing } from "../github/api.ts";
import type { Grants } from "../github/grant.ts";
import { removeStartBranch } from "../prepare/start-branch.ts";
import type { Teller } from "../report/teller.ts";
import type { Fact } from "../run/fact.ts";
import type { Run } from "../run/state.ts";
import type { Engine } from "../sandbox/engine.ts";
import { removeRunFolder } from "../sandbox/ready.ts";
import { removeSandbox } from "../sandbox/sandboxes.ts";
import { tipsOfRun } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

export interface CloseParts {
  db: Kysely<Schema>;
  engine: Engine;
  git: GitHost;
  grants: Grants;
  teller: Teller;
  watchers: Watchers;
  instance: string;
  runsFolder: string;
  log: Logger;
}

/** Takes everything of a run away that lives outside the store, then tells GitHub how it ended, then kills its tokens. */
export async function closeRun(parts: CloseParts, run: RunRow, state: Extract<Run, { at: "closing" }>): Promise<Fact> {
  await parts.watchers.shut(run);
  parts.watchers.forget(run.id);
  await removeSandbox(parts.engine, { instance: parts.instance, run: run.id });
  await parts.git.removeRun(run.id);
  await removeRunFolder(parts.runsFolder, run.id);
  if (!state.told) await tell(parts, run, state);
  await parts.grants.revokeAll(run.id);
  return { is: "closed" };
}

/** Each report by itself: one that GitHub refuses for good must keep neither the others nor the run from their end. */
async function tell(parts: CloseParts, run: RunRow, state: Extract<Run, { at: "closing" }>): Promise<void> {
  const { teller } = parts;
  const { stand, pullRequest } = state;
  const each: [what: string, report: () => Promise<unknown>, asDoorman?: () => Promise<unknown>][] = [];
  if (stand) each.push(["check", () => teller.check(run, { sha: stand.sha })]);
  if (pullRequest && pullRequest.head !== stand?.sha)
    each.push(["check of the head", () => teller.check(run, { sha: pullRequest.head })]);
  each.push(["comment", () => teller.comment(run), () => teller.commentAsDoorman(run)]);
  each.push(["label", () => teller.showRested(run), () => teller.showRestedAsDoorman(run)]);
  if (stand?.startCommit && !pullRequest) each.push(["start branch", () => removeStartBranch(parts, run, stand)]);
  // Ended while it was announced: what it made so far is known by the record of its commits. On a branch that it only continues it
  // made none, and that one stays.
  if (!stand && state.pins && !state.pins.headBranch && run.request.subject.kind === "issue")
    each.push(["start branch", () => removeStartBranches(parts, run)]);
  for (const [what, report, asDoorman] of each) {
    try {
      await report();
    } catch (thrown) {
      const error = firstError(thrown);
      if (isPassing(error)) throw error;
      parts.log.warn({ err: error, runId: run.id, what }, "report refused");
      if (asDoorman && error instanceof Fault && error.code === "grant.permission-missing")
        await asDoorman().catch((again: unknown) => parts.log.warn({ err: again, runId: run.id, what }, "no other way either"));
    }
  }
}

async function removeStartBranches(parts: CloseParts, run: RunRow): Promise<void> {
  for (const start of await tipsOfRun(parts.db, run.id)) await removeStartBranch(parts, run, start);
}
