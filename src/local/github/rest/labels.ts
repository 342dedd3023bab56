import { inRepository, page, type Reply, type RepositoryCall, type Routes, text } from "../call.ts";
import { GitHubError, invalidField, notFound } from "../github-error.ts";
import { renderLabel } from "../render/issues.ts";
import { type Issue, type Label, timestamp } from "../state.ts";
import { announceIssue, findIssue, mayTriage, needsOfIssue } from "./issue-change.ts";

/** Labels of a repository, and labels on an issue or pull request. */
export const labelRoutes: Routes = {
  "issues/list-labels-for-repo": inRepository(["issues:read", "pull_requests:read"], "read", (call) =>
    page(call, call.repository.labels, (shown) => shown.map((label) => renderLabel(call, label))),
  ),
  "issues/get-label": inRepository(["issues:read", "pull_requests:read"], "read", (call) => ({
    status: 200,
    json: renderLabel(call, needLabel(call)),
  })),
  "issues/create-label": inRepository(["issues:write", "pull_requests:write"], "write", create),
  "issues/delete-label": inRepository(["issues:write", "pull_requests:write"], "write", remove),
  "issues/list-labels-on-issue": inRepository(needsOfIssue("read"), "read", (call) =>
    page(call, findIssue(call).labels, (shown) => shown.map((label) => renderLabel(call, label))),
  ),
  "issues/add-labels": inRepository(needsOfIssue("write"), "read", (call) => {
    const issue = findIssue(call);
    return change(call, [...issue.labels.map(({ name }) => name), ...wantedLabels(call)]);
  }),
  "issues/set-labels": inRepository(needsOfIssue("write"), "read", (call) => change(call, wantedLabels(call))),
  "issues/remove-all-labels": inRepository(needsOfIssue("write"), "read", async (call) => {
    await change(call, []);
    return { status: 204 };
  }),
  "issues/remove-label": inRepository(needsOfIssue("write"), "read", async (call) => {
    const kept = findIssue(call).labels.filter(({ name }) => name.toLowerCase() !== text(call, "name").toLowerCase());
    if (kept.length === findIssue(call).labels.length) throw new GitHubError(404, "Label does not exist");
    return change(
      call,
      kept.map(({ name }) => name),
    );
  }),
};

export function labelName(label: string | { name?: string }): string {
  return typeof label === "string" ? label : (label.name ?? "");
}

/** A label that does not exist yet is made, grey, when it is put on an issue. */
export function ensureLabel(call: RepositoryCall, name: string): Label {
  const known = call.repository.labels.find((label) => label.name.toLowerCase() === name.toLowerCase());
  if (known !== undefined) return known;
  const label = { id: call.world.nextId(), name: checkedName(name), color: "ededed", description: null };
  call.repository.labels.push(label);
  return label;
}

/** Makes the issue's labels exactly these, one webhook for each that came or went. */
export async function setLabels(call: RepositoryCall, issue: Issue, names: string[]): Promise<void> {
  const wanted = [...new Set(names.map((name) => ensureLabel(call, name)))];
  const gone = issue.labels.filter((label) => !wanted.includes(label));
  const added = wanted.filter((label) => !issue.labels.includes(label));
  if (gone.length + added.length > 0) issue.updatedAt = timestamp(call.world.nowMs());
  for (const label of gone) {
    issue.labels = issue.labels.filter((other) => other !== label);
    await announceIssue(call, issue, "unlabeled", { label: renderLabel(call, label) });
  }
  for (const label of added) {
    issue.labels = [...issue.labels, label];
    await announceIssue(call, issue, "labeled", { label: renderLabel(call, label) });
  }
}

async function change(call: RepositoryCall, names: string[]): Promise<Reply> {
  if (!mayTriage(call)) throw new GitHubError(403, "Must have admin rights to Repository.");
  const issue = findIssue(call);
  await setLabels(call, issue, names);
  return { status: 200, json: issue.labels.map((label) => renderLabel(call, label)) };
}

function wantedLabels(call: RepositoryCall): string[] {
  const body = call.body as { labels?: (string | { name?: string })[] } | (string | { name?: string })[];
  return (Array.isArray(body) ? body : (body.labels ?? [])).map(labelName);
}

function create(call: RepositoryCall): Reply {
  const { name, color = "ededed", description } = call.body as { name: string; color?: string; description?: string };
  if (call.repository.labels.some((label) => label.name.toLowerCase() === name.toLowerCase()))
    throw invalidField({ resource: "Label", field: "name", code: "already_exists" });
  if (!/^[0-9a-f]{6}$/i.test(color)) throw invalidField({ resource: "Label", field: "color", code: "invalid" });
  if ((description ?? "").length > 100)
    throw invalidField({
      resource: "Label",
      field: "description",
      code: "custom",
      message: "description is too long (maximum is 100 characters)",
    });
  const label = {
    id: call.world.nextId(),
    name: checkedName(name),
    color: color.toLowerCase(),
    description: description ?? null,
  };
  call.repository.labels.push(label);
  const json = renderLabel(call, label);
  return { status: 201, json, headers: { location: String(json.url) } };
}

function remove(call: RepositoryCall): Reply {
  const label = needLabel(call);
  call.repository.labels = call.repository.labels.filter((other) => other !== label);
  for (const issue of call.repository.issues.values()) issue.labels = issue.labels.filter((other) => other !== label);
  return { status: 204 };
}

function checkedName(name: string): string {
  if (name.trim() === "") throw invalidField({ resource: "Label", field: "name", code: "missing_field" });
  if (name.length > 50)
    throw invalidField({
      resource: "Label",
      field: "name",
      code: "custom",
      message: "name is too long (maximum is 50 characters)",
    });
  return name;
}

function needLabel(call: RepositoryCall): Label {
  const found = call.repository.labels.find((label) => label.name.toLowerCase() === text(call, "name").toLowerCase());
  if (found === undefined) throw notFound();
  return found;
}
