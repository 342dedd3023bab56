import { renderFiles } from "../diff.ts";
import { findCommit, tryGit } from "../git.ts";
import { type Issue, nodeId, type Pull, type Repository, type Review, type World } from "../state.ts";
import { authorAssociation, renderUser } from "./accounts.ts";
import { readCommits } from "./commits.ts";
import { renderLabel } from "./issues.ts";
import { apiUrl, htmlUrl, renderRepository } from "./repositories.ts";

interface In {
  world: World;
  repository: Repository;
}

/** Where the pull request left its base: what its diff and its commits count from. Both heads are objects of the base repository. */
export async function mergeBase(repository: Repository, pull: Pull): Promise<string> {
  const base = await findBase(repository, pull);
  const found = await tryGit(repository.folder, ["merge-base", base, pull.head.sha]);
  return found?.trim() ?? base;
}

async function findBase(repository: Repository, pull: Pull): Promise<string> {
  if (pull.merged !== null) return pull.base.sha;
  return (await findCommit(repository.folder, `refs/heads/${pull.base.ref}`)) ?? pull.base.sha;
}

/** GitHub's "pull request simple", as lists give it. */
export async function renderPullSimple(place: In, issue: Issue & { pull: Pull }): Promise<Record<string, unknown>> {
  const { world, repository } = place;
  const { pull } = issue;
  const url = `${apiUrl(world, repository)}/pulls/${issue.number}`;
  const issueUrl = `${apiUrl(world, repository)}/issues/${issue.number}`;
  const html = `${htmlUrl(world, repository)}/pull/${issue.number}`;
  const statuses = `${apiUrl(world, repository)}/statuses/${pull.head.sha}`;
  return {
    url,
    id: pull.id,
    node_id: nodeId("PR", pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: issueUrl,
    number: issue.number,
    state: issue.state,
    locked: false,
    title: issue.title,
    user: renderUser(world, issue.user),
    body: issue.body,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    merged_at: pull.merged?.at ?? null,
    merge_commit_sha: pull.merged?.sha ?? null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: issue.labels.map((label) => renderLabel(place, label)),
    milestone: null,
    draft: pull.draft,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${apiUrl(world, repository)}/pulls/comments{/number}`,
    comments_url: `${issueUrl}/comments`,
    statuses_url: statuses,
    head: renderEnd(world, { repository: pull.head.repository, ref: pull.head.ref, sha: pull.head.sha }),
    base: renderEnd(world, { repository, ref: pull.base.ref, sha: await findBase(repository, pull) }),
    _links: {
      self: { href: url },
      html: { href: html },
      issue: { href: issueUrl },
      comments: { href: `${issueUrl}/comments` },
      review_comments: { href: `${url}/comments` },
      review_comment: { href: `${apiUrl(world, repository)}/pulls/comments{/number}` },
      commits: { href: `${url}/commits` },
      statuses: { href: statuses },
    },
    author_association: authorAssociation(repository, issue.user),
    auto_merge: null,
    active_lock_reason: null,
  };
}

/** GitHub's "pull request", as one request and webhooks give it: with counts, and with what merging would do. */
export async function renderPull(place: In, issue: Issue & { pull: Pull }): Promise<Record<string, unknown>> {
  const { world, repository } = place;
  const { pull } = issue;
  const base = await mergeBase(repository, pull);
  const files = await renderFiles({ world, repository, from: base, to: pull.head.sha });
  const commits = await readCommits(repository.folder, [`${base}..${pull.head.sha}`, "--"]);
  const sum = (key: string): number => files.reduce((total, file) => total + Number(file[key]), 0);
  return {
    ...(await renderPullSimple(place, issue)),
    merged: pull.merged !== null,
    mergeable: pull.merged === null && issue.state === "open" ? true : null,
    rebaseable: null,
    mergeable_state: "clean",
    merged_by: pull.merged === null ? null : renderUser(world, pull.merged.by),
    comments: [...repository.comments.values()].filter((comment) => comment.issue === issue).length,
    review_comments: pull.reviews.reduce((total, review) => total + review.comments.length, 0),
    maintainer_can_modify: false,
    commits: commits.length,
    additions: sum("additions"),
    deletions: sum("deletions"),
    changed_files: files.length,
  };
}

export function renderReview({ world, repository }: In, issue: Issue, review: Review): Record<string, unknown> {
  const html = `${htmlUrl(world, repository)}/pull/${issue.number}#pullrequestreview-${review.id}`;
  const pullUrl = `${apiUrl(world, repository)}/pulls/${issue.number}`;
  return {
    id: review.id,
    node_id: nodeId("PRR", review.id),
    user: renderUser(world, review.user),
    body: review.body,
    state: review.state,
    html_url: html,
    pull_request_url: pullUrl,
    author_association: authorAssociation(repository, review.user),
    _links: { html: { href: html }, pull_request: { href: pullUrl } },
    submitted_at: review.submittedAt,
    commit_id: review.commit,
  };
}

/** The short form that check runs and suites carry. */
export function renderPullMinimal({ world, repository }: In, issue: Issue & { pull: Pull }): Record<string, unknown> {
  const short = (of: Repository) => ({ id: of.id, url: apiUrl(world, of), name: of.name });
  const { pull } = issue;
  return {
    id: pull.id,
    number: issue.number,
    url: `${apiUrl(world, repository)}/pulls/${issue.number}`,
    head: { ref: pull.head.ref, sha: pull.head.sha, repo: short(pull.head.repository) },
    base: { ref: pull.base.ref, sha: pull.base.sha, repo: short(repository) },
  };
}

export function isPull(issue: Issue | undefined): issue is Issue & { pull: Pull } {
  return issue?.pull !== undefined;
}

function renderEnd(world: World, end: { repository: Repository; ref: string; sha: string }): Record<string, unknown> {
  return {
    label: `${end.repository.owner.login}:${end.ref}`,
    ref: end.ref,
    sha: end.sha,
    user: renderUser(world, end.repository.owner),
    repo: renderRepository(world, end.repository),
  };
}
