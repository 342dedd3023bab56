import { inRepository, number, page, type Reply, type RepositoryCall, type Routes, viaApp, writer } from "../call.ts";
import { readDiff, renderFiles } from "../diff.ts";
import { findRef, git, tryGit } from "../git.ts";
import { GitHubError, invalidField, notFound } from "../github-error.ts";
import { canSee, findRepository } from "../permissions.ts";
import { followRefUpdate, keepPullHead } from "../refs.ts";
import { readCommits, renderCommit } from "../render/commits.ts";
import { isPull, mergeBase, renderPull, renderPullSimple } from "../render/pulls.ts";
import { type Issue, type Pull, type Repository, timestamp } from "../state.ts";
import { commitTree, personsOf } from "./contents.ts";
import { announceIssue, applyUpdate, checkedBody, checkedTitle, nextNumber } from "./issue-change.ts";
import { isDiff } from "./repositories.ts";

export const pullRoutes: Routes = {
  "pulls/list": inRepository(["pull_requests:read"], "read", list),
  "pulls/create": inRepository(["pull_requests:write"], "read", create),
  "pulls/get": inRepository(["pull_requests:read"], "read", get),
  "pulls/update": inRepository(["pull_requests:write"], "read", update),
  "pulls/list-commits": inRepository(["pull_requests:read"], "read", async (call) => {
    const { pull } = findPull(call);
    const range = `${await mergeBase(call.repository, pull)}..${pull.head.sha}`;
    const commits = await readCommits(call.repository.folder, ["--reverse", range, "--"]);
    return page(call, commits, (shown) => shown.map((commit) => renderCommit(call, commit)));
  }),
  "pulls/list-files": inRepository(["pull_requests:read"], "read", async (call) => {
    const { world, repository } = call;
    const { pull } = findPull(call);
    const files = await renderFiles({ world, repository, from: await mergeBase(repository, pull), to: pull.head.sha });
    return page(call, files, (shown) => shown);
  }),
  "pulls/merge": inRepository(["contents:write"], "write", merge),
};

export function findPull(call: RepositoryCall): Issue & { pull: Pull } {
  const issue = call.repository.issues.get(number(call, "pull_number"));
  if (!isPull(issue)) throw notFound();
  return issue;
}

async function get(call: RepositoryCall): Promise<Reply> {
  const issue = findPull(call);
  if (!isDiff(call)) return { status: 200, json: await renderPull(call, issue) };
  const diff = await readDiff(call.repository.folder, await mergeBase(call.repository, issue.pull), issue.pull.head.sha);
  return { status: 200, raw: { type: "application/vnd.github.diff; charset=utf-8", text: diff } };
}

async function list(call: RepositoryCall): Promise<Reply> {
  const { state = "open", head, base, direction = "desc" } = call.params as Record<string, string | undefined>;
  const found = [...call.repository.issues.values()]
    .filter(isPull)
    .filter((issue) => state === "all" || issue.state === state)
    .filter(({ pull }) => base === undefined || pull.base.ref === base)
    // Without its owner a head filters nothing: GitHub then ignores it.
    .filter(({ pull }) => head === undefined || !head.includes(":") || head.toLowerCase() === labelOf(pull).toLowerCase());
  const sorted = direction === "asc" ? found : found.toReversed();
  return page(call, await Promise.all(sorted.map((issue) => renderPullSimple(call, issue))), (shown) => shown);
}

async function create(call: RepositoryCall): Promise<Reply> {
  const { world, repository } = call;
  const wanted = call.body as { title?: string; head: string; base: string; body?: string; draft?: boolean };
  const headRepository = findHeadRepository(call, wanted.head);
  const headRef = wanted.head.split(":").at(-1) ?? "";
  const headSha = headRepository && (await findRef(headRepository.folder, `refs/heads/${headRef}`));
  if (headRepository === undefined || headSha === undefined)
    throw invalidField({ resource: "PullRequest", field: "head", code: "invalid" });
  const baseSha = await findRef(repository.folder, `refs/heads/${wanted.base}`);
  if (baseSha === undefined) throw invalidField({ resource: "PullRequest", field: "base", code: "invalid" });
  const pull: Pull = {
    id: world.nextId(),
    base: { ref: wanted.base, sha: baseSha },
    head: { repository: headRepository, ref: headRef, sha: headSha },
    draft: wanted.draft ?? false,
    merged: null,
    reviews: [],
  };
  if (headRepository !== repository)
    await git(repository.folder, ["fetch", "--quiet", "--no-tags", headRepository.folder, `refs/heads/${headRef}`]);
  const ahead = await git(repository.folder, ["rev-list", "--count", `${baseSha}..${headSha}`, "--"]);
  if (ahead.trim() === "0")
    throw customProblem(`No commits between ${wanted.base} and ${headRepository === repository ? headRef : labelOf(pull)}`);
  // Nothing is waited for from here until it has its number: two that come at once must not get the same one.
  mustBeNew(repository, pull);
  const at = timestamp(world.nowMs());
  const issue: Issue & { pull: Pull } = {
    id: world.nextId(),
    number: nextNumber(repository),
    title: checkedTitle(wanted.title ?? ""),
    body: checkedBody(wanted.body),
    user: writer(call.actor),
    viaApp: viaApp(call.actor),
    state: "open",
    stateReason: null,
    labels: [],
    createdAt: at,
    updatedAt: at,
    closedAt: null,
    closedBy: null,
    reactions: [],
    pull,
  };
  repository.issues.set(issue.number, issue);
  await keepPullHead(repository, issue);
  await announceIssue(call, issue, "opened");
  const json = await renderPull(call, issue);
  return { status: 201, json, headers: { location: String(json.url) } };
}

async function update(call: RepositoryCall): Promise<Reply> {
  const issue = findPull(call);
  const { base } = call.body as { base?: string };
  if (base !== undefined && base !== issue.pull.base.ref) {
    const sha = await findRef(call.repository.folder, `refs/heads/${base}`);
    if (sha === undefined) throw invalidField({ resource: "PullRequest", field: "base", code: "invalid" });
    const changes = { base: { ref: { from: issue.pull.base.ref }, sha: { from: issue.pull.base.sha } } };
    issue.pull.base = { ref: base, sha };
    await announceIssue(call, issue, "edited", { changes });
  }
  await applyUpdate(call, issue);
  return { status: 200, json: await renderPull(call, issue) };
}

/** A merge commit of git's own making; `sha` must be the head as the caller saw it. */
async function merge(call: RepositoryCall): Promise<Reply> {
  const { world, webhooks, repository } = call;
  const issue = findPull(call);
  const { sha, commit_title: title } = call.body as { sha?: string; commit_title?: string };
  if (issue.state !== "open") throw new GitHubError(405, "Pull Request is not mergeable");
  if (sha !== undefined && sha !== issue.pull.head.sha)
    throw new GitHubError(409, "Head branch was modified. Review and try the merge again.");
  const ref = `refs/heads/${issue.pull.base.ref}`;
  const before = await findRef(repository.folder, ref);
  const tree =
    before && (await tryGit(repository.folder, ["merge-tree", "--write-tree", before, issue.pull.head.sha]))?.split("\n")[0];
  if (before === undefined || !tree) throw new GitHubError(405, "Pull Request is not mergeable");
  const message = title ?? `Merge pull request #${issue.number} from ${labelOf(issue.pull).replace(":", "/")}`;
  const after = await commitTree({ repository, tree, parents: [before, issue.pull.head.sha], message, ...personsOf(call, {}) });
  issue.pull.base.sha = before;
  const moved = await tryGit(repository.folder, ["update-ref", ref, after, before]);
  if (moved === undefined) throw new GitHubError(409, "Base branch was modified. Review and try the merge again.");
  await followRefUpdate({ world, webhooks, repository, sender: writer(call.actor) }, { ref, before, after });
  return { status: 200, json: { sha: after, merged: true, message: "Pull Request successfully merged" } };
}

function findHeadRepository(call: RepositoryCall, head: string): Repository | undefined {
  const { world, repository, actor } = call;
  const owner = head.includes(":") ? (head.split(":")[0] ?? "") : repository.owner.login;
  if (owner.toLowerCase() === repository.owner.login.toLowerCase()) return repository;
  const sameName = findRepository(world, owner, repository.name);
  const fork = sameName?.parent === repository ? sameName : undefined;
  return fork && canSee(fork, actor) ? fork : undefined;
}

function mustBeNew(repository: Repository, pull: Pull): void {
  const same = (other: Issue): boolean =>
    isPull(other) && other.state === "open" && labelOf(other.pull) === labelOf(pull) && other.pull.base.ref === pull.base.ref;
  if ([...repository.issues.values()].some(same)) throw customProblem(`A pull request already exists for ${labelOf(pull)}.`);
}

function customProblem(message: string): GitHubError {
  return new GitHubError(422, "Validation Failed", { errors: [{ resource: "PullRequest", code: "custom", message }] });
}

function labelOf(pull: Pull): string {
  return `${pull.head.repository.owner.login}:${pull.head.ref}`;
}
