import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import { type Api, messageOf, statusOf } from "../github/api.ts";
import type { AppIdentity, GitHubApp } from "../github/app.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import { issueBranch, parseSha, type Sha } from "../run/identity.ts";
import type { Pins } from "../run/request.ts";
import { addBranchTip, ownerOfTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

/**
 * The run's branch with an empty commit of ours, which carries the check run from the first second: a check cannot stand on a branch
 * that has no commit of its own, and `main`'s commit is not this run's. Found again by the record of commits that we made, and by what
 * they are: in a life that the store has forgotten the run may even have pushed its work there, which is then gone on from.
 */
export async function ensureStartBranch(
  parts: { db: Kysely<Schema>; grants: Grants; app: GitHubApp },
  run: RunRow,
  pins: Pins,
): Promise<{ branch: string; sha: Sha; startCommit: boolean }> {
  const { owner, name: repo, subject, repositoryId } = run.request;
  const identity = await parts.app.identity();
  await using starter = await parts.grants.mint("starter", scopeOf(run.id, run.request));
  const at = { api: starter.api, owner, repo };
  let made: Sha | undefined;
  for (let nth = 1; nth <= 50; nth++) {
    const branch = issueBranch(subject.number, nth);
    const tip = await readTip(at, branch);
    const known = tip && (await ownerOfTip(parts.db, repositoryId, branch, tip)) === run.id;
    const own = tip && (known ? "start" : await findOwn(at, tip, { run, identity }));
    if (tip && own) {
      await addBranchTip(parts.db, { repositoryId, branch, sha: tip, run: run.id });
      return { branch, sha: tip, startCommit: own === "start" };
    }
    // Somebody else's, or an earlier run's, from which a person may have opened a pull request: GitHub moves no branch on condition
    // that nobody has pushed meanwhile, so none that exists is ever moved.
    if (tip) continue;
    made ??= await makeStartCommit(at, { run, pins, identity });
    await addBranchTip(parts.db, { repositoryId, branch, sha: made, run: run.id });
    if (await putBranch(at, { branch, sha: made })) return { branch, sha: made, startCommit: true };
  }
  throw new Fault("branch.taken", `All names from ${issueBranch(subject.number, 1)} on are taken`, {
    remedy: "Delete branches of closed pull requests",
  });
}

interface At {
  api: Api;
  owner: string;
  repo: string;
}

export async function readTip({ api, owner, repo }: At, branch: string): Promise<Sha | undefined> {
  try {
    const { data } = await api.rest.git.getRef({ owner, repo, ref: `heads/${branch}` });
    return data.ref === `refs/heads/${branch}` ? parseSha(data.object.sha) : undefined;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * Whether a commit that the store does not know was put there by this run all the same, in a life that the store has forgotten. Its words
 * can be forged, a start commit's tree cannot: it has its parent's, so that nobody's work is lost when it is replaced. Work counts only as
 * this run's where nobody else has committed it: a person who amends our commit is its committer. Whoever forges that loses his own.
 */
async function findOwn(
  { api, owner, repo }: At,
  tip: Sha,
  of: { run: RunRow; identity: AppIdentity },
): Promise<"start" | "work" | undefined> {
  const { data: commit } = await api.rest.git.getCommit({ owner, repo, commit_sha: tip });
  const parent = commit.parents[0]?.sha;
  if (commit.parents.length !== 1 || !parent || commit.author.email !== of.identity.email) return undefined;
  if (!`${commit.message.trimEnd()}\n`.endsWith(trailerOf(of.run))) return undefined;
  const { data: before } = await api.rest.git.getCommit({ owner, repo, commit_sha: parent });
  if (before.tree.sha === commit.tree.sha) return "start";
  return commit.committer.email === of.identity.email ? "work" : undefined;
}

const trailerOf = (run: RunRow) => `\nAirlock-Run: ${run.id}\n`;

/** Empty: the tree of its parent. `[skip ci]`: nothing has been made yet that a workflow should look at. */
async function makeStartCommit({ api, owner, repo }: At, of: { run: RunRow; pins: Pins; identity: AppIdentity }): Promise<Sha> {
  const { data: base } = await api.rest.git.getCommit({ owner, repo, commit_sha: of.pins.baseSha });
  const author = { name: of.identity.botLogin, email: of.identity.email };
  const message = `Airlock starts on issue ${of.run.request.subject.number} [skip ci]\n\nReplaced by the work, or removed with the run.\n${trailerOf(of.run)}`;
  const { data } = await api.rest.git.createCommit({
    owner,
    repo,
    message,
    tree: base.tree.sha,
    parents: [of.pins.baseSha],
    author,
    committer: author,
  });
  const sha = parseSha(data.sha);
  if (!sha) throw new Fault("github.answer", "GitHub's answer about a new commit lacks its name", { remedy: "Report this" });
  return sha;
}

/** False where somebody made the branch in between. Throws Fault "branch.refused" where the repository's rules do not have it. */
async function putBranch({ api, owner, repo }: At, put: { branch: string; sha: Sha }): Promise<boolean> {
  try {
    await api.rest.git.createRef({ owner, repo, ref: `refs/heads/${put.branch}`, sha: put.sha });
    return true;
  } catch (error) {
    if (statusOf(error) !== 422) throw error;
    const tip = await readTip({ api, owner, repo }, put.branch);
    if (tip) return tip === put.sha;
    throw new Fault("branch.refused", `GitHub refused to make the branch ${put.branch}: ${messageOf(error)}`, {
      remedy: "See the repository's rules for branches, and whether a branch is named `agent`",
      cause: error,
    });
  }
}

/** Takes the run's branch away again where nothing but the start commit stands on it. */
export async function removeStartBranch(
  parts: { grants: Grants },
  run: RunRow,
  start: { branch: string; sha: Sha },
): Promise<void> {
  const { owner, name: repo } = run.request;
  await using starter = await parts.grants.mint("starter", scopeOf(run.id, run.request));
  const at = { api: starter.api, owner, repo };
  if ((await readTip(at, start.branch)) !== start.sha) return;
  await starter.api.rest.git.deleteRef({ owner, repo, ref: `heads/${start.branch}` });
}
