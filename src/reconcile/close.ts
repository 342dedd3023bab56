import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { Watchers } from "../agent/watch.ts";
import { Fault } from "../fault.ts";
import type { GitHost } from "../git/client.ts";
import { firstError, isHttpError, isPassing } from "../github/api.ts";
import type { Grants } from "../github/grant.ts";
import { removeStartBranch } from "../prepare/start-branch.ts";
import type { Teller } from "../report/teller.ts";
import { findUntold } from "../report/untold.ts";
import type { Fact } from "../run/fact.ts";
import type { Sha } from "../run/identity.ts";
import type { Run, Stand } from "../run/state.ts";
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

/**
 * Takes everything of a run away that works or could be reached, then tells GitHub how it ended, then kills its tokens. Its repository goes
 * when all is told: a store that forgets its last seconds finds in it the very work that was published.
 */
export async function closeRun(parts: CloseParts, run: RunRow, state: Extract<Run, { at: "closing" }>): Promise<Fact> {
  await parts.watchers.shut(run);
  parts.watchers.forget(run.id);
  await removeSandbox(parts.engine, { instance: parts.instance, run: run.id });
  await removeRunFolder(parts.runsFolder, run.id);
  const untold = state.told ? [] : await tell(parts, run, state);
  await parts.git.removeRun(run.id);
  await revokeTokens(parts, run);
  return { is: "closed", ...(untold.length > 0 && { untold }) };
}

/** An installation that is suspended lets nobody revoke: its tokens are good for nothing meanwhile, and stay in the ledger for the sweep. */
async function revokeTokens(parts: CloseParts, run: RunRow): Promise<void> {
  try {
    await parts.grants.revokeAll(run.id);
  } catch (thrown) {
    const error = firstError(thrown);
    if (!isHttpError(error) || isPassing(error)) throw error;
    parts.log.warn({ err: error, runId: run.id }, "tokens left to the sweep");
  }
}

type Report = [what: string, report: () => Promise<unknown>, asDoorman?: () => Promise<unknown>];

/**
 * Each report by itself: one that GitHub refuses for good must keep neither the others nor the run from their end. The comment last: what
 * it says of the end tells a store that has forgotten it that all else was told. Where it cannot be made, the checks say so, as they say
 * what else could not be told. Answers that.
 */
async function tell(parts: CloseParts, run: RunRow, state: Extract<Run, { at: "closing" }>): Promise<string[]> {
  const { teller } = parts;
  const { stand, pullRequest } = state;
  const untold: string[] = [];
  const check = (what: string, sha: Sha): Report => [what, () => teller.check(run, { sha, untold })];
  const checks = [
    ...(stand ? [check("check", stand.sha)] : []),
    ...(pullRequest && pullRequest.head !== stand?.sha ? [check("check of the head", pullRequest.head)] : []),
    ...(await strayStarts(parts, run, stand)).map(({ sha }) => check("check of a branch that was lost", sha)),
  ];
  if (stand && !pullRequest)
    checks.push(["check of a head that was forgotten", () => tellForgottenHead(parts, run, { stand, untold })]);
  const branches: Report[] = [];
  if (stand?.startCommit && !pullRequest) branches.push(["start branch", () => removeStartBranch(parts, run, stand)]);
  // Ended while it was announced: what it made so far is known by the record of its commits. On a branch that it only continues it
  // made none, and that one stays.
  if (!stand && state.pins && !state.pins.headBranch && run.request.subject.kind === "issue")
    branches.push(["start branch", () => removeStartBranches(parts, run)]);
  const label: Report = ["label", () => teller.showRested(run), () => teller.showRestedAsDoorman(run)];
  const comment: Report = ["run's comment", () => teller.comment(run), () => teller.commentAsDoorman(run)];
  for (const each of [label, ...checks, ...branches]) untold.push(...(await report(parts, run, each)));
  const ofComment = await report(parts, run, comment);
  untold.push(...ofComment);
  if (ofComment.length > 0) for (const each of checks) await report(parts, run, each);
  return untold;
}

/** Answers in words what could not be told, if anything could not. Throws what passes by itself: then all is told again. */
async function report(parts: CloseParts, run: RunRow, [what, make, asDoorman]: Report): Promise<string[]> {
  try {
    await make();
    return [];
  } catch (thrown) {
    const error = firstError(thrown);
    if (isPassing(error)) throw error;
    parts.log.warn({ err: error, runId: run.id, what }, "report refused");
    if (asDoorman && error instanceof Fault && error.code === "grant.permission-missing")
      await asDoorman().catch((again: unknown) => parts.log.warn({ err: again, runId: run.id, what }, "no other way either"));
    return [findUntold(what, error, 1)].flatMap((words) => words ?? []);
  }
}

/** The run was shown on a branch, and killed; when it came back, somebody had pushed there, and it was shown on the next. */
async function strayStarts(parts: CloseParts, run: RunRow, stand: Stand | undefined): Promise<{ sha: Sha }[]> {
  return stand ? (await tipsOfRun(parts.db, run.id)).filter(({ branch }) => branch !== stand.branch) : [];
}

/** What it had pushed in a life that the store has forgotten shows its check as well, which would never end. */
async function tellForgottenHead(
  { teller }: CloseParts,
  run: RunRow,
  { stand, untold }: { stand: Stand; untold: string[] },
): Promise<void> {
  const sha = await teller.checkedTip(run, stand.branch);
  if (sha && sha !== stand.sha) await teller.check(run, { sha, untold });
}

async function removeStartBranches(parts: CloseParts, run: RunRow): Promise<void> {
  for (const start of await tipsOfRun(parts.db, run.id)) await removeStartBranch(parts, run, start);
}
