import { type Call, type Need, number, type RepositoryCall, writer } from "../call.ts";
import { GitHubError, invalidField, notFound } from "../github-error.ts";
import { movedTo } from "../moved.ts";
import { atLeast, roleOf } from "../permissions.ts";
import { renderIssueForWebhook } from "../render/issues.ts";
import { isPull, renderPull } from "../render/pulls.ts";
import { type Issue, type Repository, timestamp } from "../state.ts";

/** An issue is written with `issues`, and where it is a pull request with `pull_requests` too. */
export function needsOfIssue(level: "read" | "write"): (call: RepositoryCall) => Need[] {
  return (call) => needsFor(call.repository.issues.get(number(call, "issue_number")), level);
}

export function needsFor(issue: Issue | undefined, level: "read" | "write"): Need[] {
  return issue?.pull ? [`issues:${level}`, `pull_requests:${level}`] : [`issues:${level}`];
}

export function findIssue(call: RepositoryCall): Issue {
  const { repository } = call;
  const wanted = number(call, "issue_number");
  const issue = repository.issues.get(wanted);
  if (issue === undefined) throw repository.gone.has(wanted) ? gone(call, repository.gone.get(wanted)) : notFound();
  if (repository.issuesOff && issue.pull === undefined) throw new GitHubError(410, "Issues are disabled for this repo");
  return issue;
}

function gone(call: RepositoryCall, to: { repository: Repository; number: number } | undefined): GitHubError {
  if (to === undefined) return new GitHubError(410, "This issue was deleted");
  const rest = call.address.pathname.replace(/^.*\/issues\/\d+/, "");
  return movedTo(call.world, call.address, { repository: to.repository, rest: `/issues/${to.number}${rest}` });
}

/** Counts on over what was deleted or transferred. */
export function nextNumber({ issues, gone }: Repository): number {
  return issues.size + gone.size + 1;
}

export function placeOf(call: RepositoryCall) {
  return { world: call.world, repository: call.repository, full: wantsHtml(call) };
}

/** An App's token was held to its permissions already; a user must be at least a triager. */
export function mayTriage(call: RepositoryCall): boolean {
  return (
    call.actor.kind === "installation" ||
    (call.actor.kind === "user" && atLeast(roleOf(call.repository, call.actor.account), "triage"))
  );
}

/** Tells of a change to an issue or, where it is one, to a pull request. */
export async function announceIssue(
  call: RepositoryCall,
  issue: Issue,
  action: string,
  more: Record<string, unknown> = {},
): Promise<void> {
  const { world, repository, webhooks } = call;
  const place = { world, repository };
  const sender = writer(call.actor);
  if (isPull(issue)) {
    const payload = { number: issue.number, pull_request: await renderPull(place, issue), ...more };
    webhooks.announce({ event: "pull_request", action, payload, repository, sender });
    return;
  }
  webhooks.announce({
    event: "issues",
    action,
    payload: { issue: renderIssueForWebhook(place, issue), ...more },
    repository,
    sender,
  });
}

/** The part of an update that issues and pull requests share. */
export async function applyUpdate(call: RepositoryCall, issue: Issue): Promise<void> {
  const wanted = call.body as {
    title?: string | null;
    body?: string | null;
    state?: "open" | "closed";
    state_reason?: string | null;
  };
  const own = call.actor.kind === "user" && call.actor.account.id === issue.user.id;
  if (!own && !mayTriage(call)) throw new GitHubError(403, "Must have admin rights to Repository.");
  const changes: Record<string, unknown> = {};
  const at = timestamp(call.world.nowMs());
  if (typeof wanted.title === "string" && wanted.title !== issue.title) {
    changes.title = { from: issue.title };
    issue.title = checkedTitle(wanted.title);
  }
  if (wanted.body !== undefined && wanted.body !== issue.body) {
    changes.body = { from: issue.body ?? "" };
    issue.body = wanted.body;
  }
  if (Object.keys(changes).length > 0) {
    issue.updatedAt = at;
    await announceIssue(call, issue, "edited", { changes });
  }
  if (wanted.state !== undefined && wanted.state !== issue.state) {
    const closed = wanted.state === "closed";
    if (!closed && issue.pull?.merged) throw invalidField({ resource: "PullRequest", field: "state", code: "invalid" });
    Object.assign(issue, {
      state: wanted.state,
      updatedAt: at,
      closedAt: closed ? at : null,
      closedBy: closed ? writer(call.actor) : null,
    });
    issue.stateReason = closed ? (wanted.state_reason ?? "completed") : "reopened";
    await announceIssue(call, issue, closed ? "closed" : "reopened");
  }
}

export function checkedTitle(title: string): string {
  if (title.trim() === "") throw invalidField({ resource: "Issue", field: "title", code: "missing_field" });
  if (title.length > 256)
    throw invalidField({
      resource: "Issue",
      field: "title",
      code: "custom",
      message: "title is too long (maximum is 256 characters)",
    });
  return title;
}

export function checkedBody(body: string | null | undefined): string | null {
  if (body !== undefined && body !== null && body.length > 65_536)
    throw invalidField({
      resource: "Issue",
      field: "body",
      code: "custom",
      message: "body is too long (maximum is 65536 characters)",
    });
  return body ?? null;
}

function wantsHtml(call: Call): boolean {
  return /application\/vnd\.github\.(v3\.)?(full|html)\+json/.test(call.accept);
}
