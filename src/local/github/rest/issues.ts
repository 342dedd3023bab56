import { inRepository, page, type Reply, type RepositoryCall, type Routes, viaApp, writer } from "../call.ts";
import { renderIssue, renderLabel } from "../render/issues.ts";
import { type Issue, timestamp } from "../state.ts";
import {
  announceIssue,
  applyUpdate,
  checkedBody,
  checkedTitle,
  findIssue,
  mayTriage,
  needsOfIssue,
  nextNumber,
  placeOf,
} from "./issue-change.ts";
import { ensureLabel, labelName, setLabels } from "./labels.ts";

export const issueRoutes: Routes = {
  "issues/list-for-repo": inRepository(["issues:read"], "read", list),
  "issues/create": inRepository(["issues:write"], "read", create),
  "issues/get": inRepository(needsOfIssue("read"), "read", (call) => ({
    status: 200,
    json: renderIssue(placeOf(call), findIssue(call)),
  })),
  "issues/update": inRepository(needsOfIssue("write"), "read", update),
};

async function create(call: RepositoryCall): Promise<Reply> {
  const wanted = call.body as { title: string; body?: string | null; labels?: (string | { name?: string })[] };
  const { world, repository } = call;
  const at = timestamp(world.nowMs());
  const issue: Issue = {
    id: world.nextId(),
    number: nextNumber(repository),
    title: checkedTitle(String(wanted.title)),
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
    pull: undefined,
  };
  // GitHub drops silently what the author may not set.
  if (mayTriage(call)) for (const label of wanted.labels ?? []) issue.labels.push(ensureLabel(call, labelName(label)));
  repository.issues.set(issue.number, issue);
  await announceIssue(call, issue, "opened");
  for (const label of issue.labels) await announceIssue(call, issue, "labeled", { label: renderLabel(call, label) });
  const json = renderIssue(placeOf(call), issue);
  return { status: 201, json, headers: { location: String(json.url) } };
}

async function update(call: RepositoryCall): Promise<Reply> {
  const issue = findIssue(call);
  await applyUpdate(call, issue);
  const { labels } = call.body as { labels?: (string | { name?: string })[] };
  if (labels !== undefined && mayTriage(call)) await setLabels(call, issue, labels.map(labelName));
  return { status: 200, json: renderIssue(placeOf(call), issue) };
}

function list(call: RepositoryCall): Reply {
  const {
    state = "open",
    labels,
    creator,
    since,
    sort = "created",
    direction = "desc",
  } = call.params as Record<string, string | undefined>;
  const wanted = labels?.split(",").map((name) => name.trim().toLowerCase());
  const key = sort === "updated" ? ("updatedAt" as const) : ("createdAt" as const);
  const found = [...call.repository.issues.values()]
    .filter((issue) => state === "all" || issue.state === state)
    .filter(
      (issue) => wanted === undefined || wanted.every((name) => issue.labels.some((label) => label.name.toLowerCase() === name)),
    )
    .filter((issue) => creator === undefined || issue.user.login === creator)
    .filter((issue) => since === undefined || Date.parse(issue.updatedAt) >= Date.parse(since))
    .sort((a, b) => a[key].localeCompare(b[key]) || a.number - b.number);
  return page(call, direction === "asc" ? found : found.toReversed(), (shown) =>
    shown.map((issue) => renderIssue(placeOf(call), issue)),
  );
}
