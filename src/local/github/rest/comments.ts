import { inRepository, type Need, number, page, type Reply, type RepositoryCall, type Routes, viaApp, writer } from "../call.ts";
import { GitHubError, invalidField, notFound } from "../github-error.ts";
import { atLeast, roleOf } from "../permissions.ts";
import { renderComment, renderIssueForWebhook } from "../render/issues.ts";
import { type Comment, timestamp } from "../state.ts";
import { findIssue, needsFor, needsOfIssue, placeOf } from "./issue-change.ts";

export const commentRoutes: Routes = {
  "issues/list-comments": inRepository(needsOfIssue("read"), "read", (call) => {
    const issue = findIssue(call);
    return list(call, (comment) => comment.issue === issue);
  }),
  "issues/list-comments-for-repo": inRepository(["issues:read", "pull_requests:read"], "read", (call) => list(call, () => true)),
  "issues/get-comment": inRepository(needsOfComment("read"), "read", (call) => ({
    status: 200,
    json: renderComment(placeOf(call), findComment(call)),
  })),
  "issues/create-comment": inRepository(needsOfIssue("write"), "read", create),
  "issues/update-comment": inRepository(needsOfComment("write"), "read", update),
  "issues/delete-comment": inRepository(needsOfComment("write"), "read", remove),
};

export function needsOfComment(level: "read" | "write"): (call: RepositoryCall) => Need[] {
  return (call) => needsFor(call.repository.comments.get(number(call, "comment_id"))?.issue, level);
}

export function findComment(call: RepositoryCall): Comment {
  const found = call.repository.comments.get(number(call, "comment_id"));
  if (found === undefined) throw notFound();
  return found;
}

/** GitHub lists comments oldest first. */
function list(call: RepositoryCall, wanted: (comment: Comment) => boolean): Reply {
  const since = call.params.since === undefined ? 0 : Date.parse(String(call.params.since));
  const found = [...call.repository.comments.values()].filter(wanted).filter(({ updatedAt }) => Date.parse(updatedAt) >= since);
  return page(call, found, (shown) => shown.map((comment) => renderComment(placeOf(call), comment)));
}

function create(call: RepositoryCall): Reply {
  const issue = findIssue(call);
  // An App is nobody's collaborator.
  const mayStill = call.actor.kind === "user" && atLeast(roleOf(call.repository, call.actor.account), "write");
  if (issue.locked && !mayStill) throw new GitHubError(403, "Unable to create comment because issue is locked.");
  const at = timestamp(call.world.nowMs());
  const comment: Comment = {
    id: call.world.nextId(),
    issue,
    body: checkedComment(String(call.body.body)),
    user: writer(call.actor),
    viaApp: viaApp(call.actor),
    createdAt: at,
    updatedAt: at,
    reactions: [],
  };
  call.repository.comments.set(comment.id, comment);
  issue.updatedAt = at;
  announce(call, comment, "created");
  const json = renderComment(placeOf(call), comment);
  return { status: 201, json, headers: { location: String(json.url) } };
}

function update(call: RepositoryCall): Reply {
  const comment = findComment(call);
  mustOwn(call, comment);
  const body = checkedComment(String(call.body.body));
  if (body !== comment.body) {
    const changes = { body: { from: comment.body } };
    Object.assign(comment, { body, updatedAt: timestamp(call.world.nowMs()) });
    announce(call, comment, "edited", { changes });
  }
  return { status: 200, json: renderComment(placeOf(call), comment) };
}

function remove(call: RepositoryCall): Reply {
  const comment = findComment(call);
  mustOwn(call, comment);
  call.repository.comments.delete(comment.id);
  announce(call, comment, "deleted");
  return { status: 204 };
}

/** Everybody changes his own; who may write changes anybody's, and so does an App with the permission. */
function mustOwn(call: RepositoryCall, comment: Comment): void {
  if (call.actor.kind === "installation") return;
  if (
    call.actor.kind === "user" &&
    (call.actor.account.id === comment.user.id || atLeast(roleOf(call.repository, call.actor.account), "write"))
  )
    return;
  throw new GitHubError(403, "Must have admin rights to Repository.");
}

function checkedComment(body: string): string {
  if (body.trim() === "") throw invalidField({ resource: "IssueComment", field: "body", code: "missing_field" });
  if (body.length > 65_536)
    throw invalidField({
      resource: "IssueComment",
      field: "body",
      code: "custom",
      message: "body is too long (maximum is 65536 characters)",
    });
  return body;
}

function announce(call: RepositoryCall, comment: Comment, action: string, more: Record<string, unknown> = {}): void {
  const place = { world: call.world, repository: call.repository };
  const payload = { issue: renderIssueForWebhook(place, comment.issue), comment: renderComment(place, comment), ...more };
  call.webhooks.announce({ event: "issue_comment", action, payload, repository: call.repository, sender: writer(call.actor) });
}
