import { git, isAncestor } from "./git.ts";
import { renderCheckSuiteForWebhook } from "./render/checks.ts";
import { readCommit, readCommits } from "./render/commits.ts";
import { isPull, renderPull } from "./render/pulls.ts";
import { htmlUrl } from "./render/repositories.ts";
import {
  type Account,
  type App,
  type CheckSuite,
  type Issue,
  type Pull,
  type Repository,
  timestamp,
  type World,
} from "./state.ts";
import { covers, isCovered } from "./tokens.ts";
import type { Webhooks } from "./webhooks.ts";

export const zeroSha = "0".repeat(40);

export interface RefUpdate {
  ref: string;
  /** `zeroSha` where the ref is new. */
  before: string;
  /** `zeroSha` where it was deleted. */
  after: string;
}

interface Happening {
  world: World;
  webhooks: Webhooks;
  repository: Repository;
  sender: Account;
}

/** What follows from a ref that moved, whether by a push or through REST: pull requests get their new head or close, are found merged,
 *  check suites are made, and webhooks tell of it all. */
export async function followRefUpdate(happening: Happening, update: RefUpdate): Promise<void> {
  const { world, repository } = happening;
  if (!update.ref.startsWith("refs/heads/") || update.before === update.after) return;
  const branch = update.ref.slice("refs/heads/".length);
  repository.pushedAt = timestamp(world.nowMs());
  await announcePush(happening, update);
  if (update.after !== zeroSha) await requestSuites(happening, { branch, ...update });
  for (const base of world.repositories.values())
    for (const issue of [...base.issues.values()].filter(isPull)) {
      if (issue.state !== "open") continue;
      const isHead = issue.pull.head.repository === repository && issue.pull.head.ref === branch;
      if (isHead) await moveHead({ ...happening, base, issue }, update);
      if (base === repository && issue.pull.base.ref === branch && update.after !== zeroSha)
        await findMerged(happening, issue, update.after);
    }
}

/** Keeps refs/pull/N/head, by which anybody can fetch the head, even of a fork. */
export async function keepPullHead(base: Repository, issue: { number: number; pull: Pull }): Promise<void> {
  const { head } = issue.pull;
  if (head.repository !== base)
    await git(base.folder, ["fetch", "--quiet", "--no-tags", head.repository.folder, `refs/heads/${head.ref}`]);
  await git(base.folder, ["update-ref", `refs/pull/${issue.number}/head`, head.sha]);
}

export function suiteOf(of: {
  world: World;
  repository: Repository;
  app: App;
  headSha: string;
  headBranch: string | null;
  before?: string | null;
}): CheckSuite {
  const { world, repository, app, headSha } = of;
  const known = [...repository.checkSuites.values()].find((suite) => suite.app === app && suite.headSha === headSha);
  if (known !== undefined) return known;
  const at = timestamp(world.nowMs());
  const suite: CheckSuite = {
    id: world.nextId(),
    app,
    headSha,
    headBranch: of.headBranch,
    before: of.before ?? null,
    createdAt: at,
    updatedAt: at,
    reset: false,
  };
  repository.checkSuites.set(suite.id, suite);
  return suite;
}

async function moveHead(
  happening: Happening & { base: Repository; issue: Issue & { pull: Pull } },
  update: RefUpdate,
): Promise<void> {
  const { world, webhooks, base, issue, sender } = happening;
  issue.updatedAt = timestamp(world.nowMs());
  if (update.after === zeroSha) {
    Object.assign(issue, { state: "closed", closedAt: issue.updatedAt, closedBy: sender });
    const payload = { number: issue.number, pull_request: await renderPull({ world, repository: base }, issue) };
    webhooks.announce({ event: "pull_request", action: "closed", payload, repository: base, sender });
    return;
  }
  issue.pull.head.sha = update.after;
  await keepPullHead(base, issue);
  const payload = {
    number: issue.number,
    before: update.before,
    after: update.after,
    pull_request: await renderPull({ world, repository: base }, issue),
  };
  webhooks.announce({ event: "pull_request", action: "synchronize", payload, repository: base, sender });
}

/** A pull request whose head the base has come to contain is merged, however that happened. */
async function findMerged(happening: Happening, issue: Issue & { pull: Pull }, tip: string): Promise<void> {
  const { world, webhooks, repository, sender } = happening;
  if (!(await isAncestor(repository.folder, issue.pull.head.sha, tip))) return;
  const at = timestamp(world.nowMs());
  issue.pull.merged = { at, by: sender, sha: tip };
  Object.assign(issue, { state: "closed", closedAt: at, updatedAt: at, closedBy: sender });
  const payload = { number: issue.number, pull_request: await renderPull({ world, repository }, issue) };
  webhooks.announce({ event: "pull_request", action: "closed", payload, repository, sender });
}

async function requestSuites(happening: Happening, update: RefUpdate & { branch: string }): Promise<void> {
  const { world, webhooks, repository, sender } = happening;
  for (const installation of world.installations) {
    if (!isCovered(installation, repository) || !covers(installation.permissions, "checks", "write")) continue;
    const before = update.before === zeroSha ? null : update.before;
    const suite = suiteOf({ world, repository, app: installation.app, headSha: update.after, headBranch: update.branch, before });
    const payload = { check_suite: await renderCheckSuiteForWebhook({ world, repository }, suite) };
    webhooks.announce({ event: "check_suite", action: "requested", payload, repository, sender, only: installation.app });
  }
}

async function announcePush(happening: Happening, { ref, before, after }: RefUpdate): Promise<void> {
  const { world, webhooks, repository, sender } = happening;
  const deleted = after === zeroSha;
  const created = before === zeroSha;
  const range = created ? ["-1", after] : [`${before}..${after}`];
  const commits = deleted ? [] : (await readCommits(repository.folder, [...range, "--max-count=20", "--"])).toReversed();
  const render = (commit: Awaited<ReturnType<typeof readCommit>>) => ({
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${htmlUrl(world, repository)}/commit/${commit.sha}`,
    author: { name: commit.author.name, email: commit.author.email },
    committer: { name: commit.committer.name, email: commit.committer.email },
    added: [],
    removed: [],
    modified: [],
  });
  const payload = {
    ref,
    before,
    after,
    base_ref: null,
    created,
    deleted,
    forced: !created && !deleted && !(await isAncestor(repository.folder, before, after)),
    compare: `${htmlUrl(world, repository)}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: commits.map(render),
    head_commit: deleted ? null : render(await readCommit(repository.folder, after)),
    pusher: { name: sender.login, email: null },
  };
  webhooks.announce({ event: "push", action: null, payload, repository, sender });
}
