import { type Comment, type Issue, type Label, nodeId, type Reaction, type Repository, type World } from "../state.ts";
import { authorAssociation, renderApp, renderUser } from "./accounts.ts";
import { apiUrl, htmlUrl } from "./repositories.ts";

interface In {
  world: World;
  repository: Repository;
  /** Wants body_html and body_text (the media types full and html). */
  full?: boolean;
}

export function renderLabel({ world, repository }: In, label: Label): Record<string, unknown> {
  return {
    id: label.id,
    node_id: nodeId("LA", label.id),
    url: `${apiUrl(world, repository)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    color: label.color,
    default: false,
    description: label.description,
  };
}

export function renderIssue(place: In, issue: Issue): Record<string, unknown> {
  const { world, repository } = place;
  const url = `${apiUrl(world, repository)}/issues/${issue.number}`;
  const html = `${htmlUrl(world, repository)}/${issue.pull ? "pull" : "issues"}/${issue.number}`;
  const pull = `${apiUrl(world, repository)}/pulls/${issue.number}`;
  return {
    url,
    repository_url: apiUrl(world, repository),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    timeline_url: `${url}/timeline`,
    html_url: html,
    id: issue.id,
    node_id: nodeId(issue.pull ? "PR" : "I", issue.id),
    number: issue.number,
    title: issue.title,
    user: renderUser(world, issue.user),
    labels: issue.labels.map((label) => renderLabel(place, label)),
    state: issue.state,
    locked: issue.locked ?? false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: [...repository.comments.values()].filter((comment) => comment.issue === issue).length,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    closed_by: issue.closedBy === null ? null : renderUser(world, issue.closedBy),
    author_association: authorAssociation(repository, issue.user),
    active_lock_reason: null,
    ...(issue.pull
      ? {
          draft: issue.pull.draft,
          pull_request: {
            url: pull,
            html_url: html,
            diff_url: `${html}.diff`,
            patch_url: `${html}.patch`,
            merged_at: issue.pull.merged?.at ?? null,
          },
        }
      : {}),
    ...renderBody(place, issue.body),
    reactions: renderReactionCounts(`${url}/reactions`, issue.reactions),
    performed_via_github_app: issue.viaApp === null ? null : renderApp(world, issue.viaApp),
    state_reason: issue.stateReason,
  };
}

/** Webhooks leave closed_by out. */
export function renderIssueForWebhook(place: In, issue: Issue): Record<string, unknown> {
  const { closed_by: _, ...rest } = renderIssue(place, issue);
  return rest;
}

export function renderComment(place: In, comment: Comment): Record<string, unknown> {
  const { world, repository } = place;
  const url = `${apiUrl(world, repository)}/issues/comments/${comment.id}`;
  const kind = comment.issue.pull ? "pull" : "issues";
  return {
    url,
    html_url: `${htmlUrl(world, repository)}/${kind}/${comment.issue.number}#issuecomment-${comment.id}`,
    issue_url: `${apiUrl(world, repository)}/issues/${comment.issue.number}`,
    id: comment.id,
    node_id: nodeId("IC", comment.id),
    user: renderUser(world, comment.user),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: authorAssociation(repository, comment.user),
    ...renderBody(place, comment.body),
    reactions: renderReactionCounts(`${url}/reactions`, comment.reactions),
    performed_via_github_app: comment.viaApp === null ? null : renderApp(world, comment.viaApp),
  };
}

export function renderReaction(world: World, reaction: Reaction): Record<string, unknown> {
  return {
    id: reaction.id,
    node_id: nodeId("REA", reaction.id),
    user: renderUser(world, reaction.user),
    content: reaction.content,
    created_at: reaction.createdAt,
  };
}

export function renderReactionCounts(url: string, reactions: Reaction[]): Record<string, unknown> {
  const count = (content: string): number => reactions.filter((reaction) => reaction.content === content).length;
  const kinds = ["+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"];
  return { url, total_count: reactions.length, ...Object.fromEntries(kinds.map((kind) => [kind, count(kind)])) };
}

export function escapeHtml(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function renderBody({ full }: In, body: string | null): Record<string, unknown> {
  if (!full) return { body };
  // No Markdown is rendered: Airlock reads from body_html only the addresses of attachments.
  return { body, body_text: body ?? "", body_html: `<p dir="auto">${escapeHtml(body ?? "")}</p>` };
}
