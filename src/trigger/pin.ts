import type { Kysely } from "kysely";
import { statusOf } from "../github/api.ts";
import type { GitHubApp } from "../github/app.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import { issueBranch, parseSha, type Sha } from "../run/identity.ts";
import type { Reason } from "../run/outcome.ts";
import { headMovedAfter, ownerOfTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

const refused = (code: string, words: string, remedy: string): Fact => ({
  is: "refused",
  reason: { code, words, remedy } satisfies Reason,
});

interface PinParts {
  db: Kysely<Schema>;
  grants: Grants;
  app: GitHubApp;
}

/** Reads once where the work starts from. From here on this commit is what was authorised, whatever is pushed later. */
export async function pin(parts: PinParts, run: RunRow): Promise<Fact> {
  const { owner, name: repo, subject, repositoryId, askedAtMs } = run.request;
  const scope = scopeOf(run.id, run.request);
  await using fetcher = await parts.grants.mint("fetcher", scope);
  if (subject.kind === "issue") {
    const { data: repository } = await fetcher.api.rest.repos.get({ owner, repo });
    try {
      const { data: branch } = await fetcher.api.rest.repos.getBranch({ owner, repo, branch: repository.default_branch });
      const targetBranch = repository.default_branch;
      const baseSha = parseSha(branch.commit.sha);
      const own = await findOwnOpenBranch(parts, run, targetBranch);
      if (own) return { is: "pinned", pins: { targetBranch, baseSha: own.tip, headBranch: own.branch, ...own.review } };
      if (baseSha) return { is: "pinned", pins: { targetBranch, baseSha } };
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
    return refused(
      "pin.empty",
      "The repository has no commit yet.",
      "Push a first commit to its default branch, then set the label again.",
    );
  }
  const api = await parts.grants.keep("reporter", scope);
  const { data: pull } = await api.rest.pulls.get({ owner, repo, pull_number: subject.number });
  if (pull.head.repo?.id !== repositoryId)
    return refused(
      "pin.fork",
      "The pull request comes from a fork, and Airlock pushes to this repository only.",
      "Ask on an issue, or open the pull request from a branch of this repository.",
    );
  // Its branch still takes a push, which would be refused only when the agent has worked for it.
  if (pull.state !== "open") return refused("pin.closed", "The pull request is not open.", "Open it again, or ask on an issue.");
  if (pull.head.ref === pull.head.repo.default_branch)
    return refused(
      "pin.default-branch",
      "The pull request comes from the default branch, and the work would go there without anybody having looked at it.",
      "Ask on an issue, or open the pull request from another branch.",
    );
  const moved = await headMovedAfter(parts.db, repositoryId, subject.number, askedAtMs);
  const baseSha = parseSha(pull.head.sha);
  if (moved || !baseSha) return { is: "refused", reason: movedReason };
  return {
    is: "pinned",
    pins: { targetBranch: pull.base.ref, baseSha, headBranch: pull.head.ref, ...reviewOf(pull) },
  };
}

/**
 * Looks again, right before the agent starts: GitHub tells of a push some time after it, so one that came between command and pin may
 * only be known now. What was pinned is then not what was authorised.
 */
export async function findLateMove(parts: Pick<PinParts, "db">, run: RunRow): Promise<Fact | undefined> {
  const { subject, repositoryId, askedAtMs } = run.request;
  if (subject.kind !== "pull" || !(await headMovedAfter(parts.db, repositoryId, subject.number, askedAtMs))) return undefined;
  return { is: "stop-asked", ending: { outcome: "refused", reason: movedReason } };
}

const movedReason: Reason = {
  code: "pin.moved",
  words: "The branch was pushed to after the command, so what would be worked on is not what was authorised.",
  remedy: "Look at the new commits, then comment again.",
};

/** The branch of an earlier run for this issue, where its pull request is still open: the work goes on there. */
async function findOwnOpenBranch(
  parts: PinParts,
  run: RunRow,
  targetBranch: string,
): Promise<{ branch: string; tip: Sha; review: { isForReview?: true } } | undefined> {
  const { owner, name: repo, repositoryId, subject } = run.request;
  const api = await parts.grants.keep("reporter", scopeOf(run.id, run.request));
  const { botId } = await parts.app.identity();
  const wanted = { owner, repo, state: "open", base: targetBranch, per_page: 100, sort: "created", direction: "desc" } as const;
  for await (const { data: pulls } of api.paginate.iterator(api.rest.pulls.list, wanted))
    for (const pull of pulls) {
      const tip = parseSha(pull.head.sha);
      const ours = pull.user?.id === botId && pull.head.repo?.id === repositoryId && isIssueBranch(pull.head.ref, subject.number);
      // A tip that no run of ours put there means that a person has pushed: then it is theirs, and a new branch is made.
      if (ours && tip && (await ownerOfTip(parts.db, repositoryId, pull.head.ref, tip)))
        return { branch: pull.head.ref, tip, review: reviewOf(pull) };
    }
  return undefined;
}

function reviewOf(pull: { draft?: boolean }): { isForReview?: true } {
  return pull.draft === true ? {} : { isForReview: true };
}

function isIssueBranch(branch: string, number: number): boolean {
  const first = issueBranch(number, 1);
  return branch === first || (branch.startsWith(`${first}-`) && /^\d+$/.test(branch.slice(first.length + 1)));
}
