import type { Kysely } from "kysely";
import type { GitHubApp } from "../github/app.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Teller } from "../report/teller.ts";
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
    : { ...(await ensureStartBranch(parts, run, pins)), startCommit: true };
  if (pins.headBranch && run.request.subject.kind === "issue")
    await addBranchTip(parts.db, { repositoryId, branch: start.branch, sha: start.sha, run: run.id });
  // The token is minted here at the latest, so that a permission that is missing is said before any work begins.
  await parts.grants.keep("reporter", scopeOf(run.id, run.request));
  const checkRunId = await parts.teller.check(run, { sha: start.sha });
  const commentId = await parts.teller.comment(run);
  await parts.teller.showWorking(run);
  return { is: "announced", stand: { ...start, checkRunId, commentId } };
}
