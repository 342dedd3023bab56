import type { Kysely } from "kysely";
import { firstError } from "../github/api.ts";
import type { GitHubApp } from "../github/app.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Teller } from "../report/teller.ts";
import { findUntold } from "../report/untold.ts";
import type { Fact } from "../run/fact.ts";
import type { Pins } from "../run/request.ts";
import { addBranchTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { ensureStartBranch } from "./start-branch.ts";

/** Shows the run on GitHub from its first second: branch, check run, comment, label. Every part is looked for before it is made. */
export async function announce(
  parts: { db: Kysely<Schema>; grants: Grants; app: GitHubApp; teller: Teller },
  run: RunRow,
  pins: Pins,
): Promise<Fact> {
  const { repositoryId } = run.request;
  const start = pins.headBranch
    ? { branch: pins.headBranch, sha: pins.baseSha, startCommit: false }
    : await ensureStartBranch(parts, run, pins);
  if (pins.headBranch && run.request.subject.kind === "issue")
    await addBranchTip(parts.db, { repositoryId, branch: start.branch, sha: start.sha, run: run.id });
  // The token is minted here at the latest, so that a permission that is missing is said before any work begins.
  await parts.grants.keep("reporter", scopeOf(run.id, run.request));
  const checkRunId = await parts.teller.check(run, { sha: start.sha });
  const untold: string[] = [];
  const commentId = await orUntold(untold, { what: "run's comment", run }, () => parts.teller.comment(run));
  await orUntold(untold, { what: "label", run }, () => parts.teller.showWorking(run));
  const stand = { ...start, checkRunId, ...(commentId !== undefined && { commentId }) };
  return { is: "announced", stand, ...(untold.length > 0 && { untold }) };
}

/** No work is refused because GitHub refuses a sentence about it: what could not be told is told on the check. */
async function orUntold<T>(untold: string[], of: { what: string; run: RunRow }, tell: () => Promise<T>): Promise<T | undefined> {
  try {
    return await tell();
  } catch (thrown) {
    const error = firstError(thrown);
    const words = findUntold(of.what, error, of.run.tries);
    if (words === undefined) throw error;
    untold.push(words);
    return undefined;
  }
}
