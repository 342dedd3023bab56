/** ◆ Issues and pull requests as GraphQL names them, made from what REST says. Lists that need another call are functions. */
import { connection, list, type ReadRest, type Rest, whole } from "./connection.ts";
import type { Arguments, Node } from "./execute.ts";

export function repositoryNode(read: ReadRest, of: { owner: string; name: string }): Node {
  const issue = async ({ number }: Arguments) => {
    const found = (await read(`/issues/${whole(number)}`)) as Rest | undefined;
    if (!found) return null;
    return found.pull_request ? pull(number) : issueNode(read, found);
  };
  const pull = async (number: unknown) => {
    const found = (await read(`/pulls/${whole(number)}`)) as Rest | undefined;
    return found ? pullNode(read, found) : null;
  };
  return {
    __typename: "Repository",
    name: of.name,
    nameWithOwner: `${of.owner}/${of.name}`,
    owner: { __typename: "User", login: of.owner },
    hasIssuesEnabled: true,
    issue,
    issueOrPullRequest: issue,
    pullRequest: ({ number }: Arguments) => pull(number),
    issues: (args: Arguments) => subjects(read, args, "issues", (found) => issueNode(read, found)),
    pullRequests: (args: Arguments) => subjects(read, args, "pulls", (found) => pullNode(read, found)),
  };
}

/** gh asks for more comments by the id that it was given: here one that says what it names, so that no other node can be meant. */
export async function findNode(read: ReadRest, id: unknown): Promise<Node | null> {
  const [, number] = /^run-repository:(\d{1,10})$/.exec(String(id)) ?? [];
  const found = number && ((await read(`/issues/${number}`)) as Rest | undefined);
  if (!found) return null;
  if (!found.pull_request) return issueNode(read, found);
  const pull = (await read(`/pulls/${number}`)) as Rest | undefined;
  return pull ? pullNode(read, pull) : null;
}

async function subjects(read: ReadRest, args: Arguments, of: "issues" | "pulls", node: (found: Rest) => Node): Promise<Node> {
  const states = Array.isArray(args.states) ? args.states : ["OPEN"];
  const state = states.length === 1 && states[0] === "OPEN" ? "open" : states.includes("OPEN") ? "all" : "closed";
  const merged = states.length === 1 && states[0] === "MERGED";
  const keeps = (each: Rest): boolean => {
    // REST counts pull requests among the issues.
    if (of === "issues" && each.pull_request) return false;
    if (args.headRefName && each.head?.ref !== args.headRefName) return false;
    if (args.baseRefName && each.base?.ref !== args.baseRefName) return false;
    return !merged || Boolean(each.merged_at);
  };
  return list(read, args, { path: `/${of}?state=${state}`, keeps, node });
}

function common(read: ReadRest, found: Rest): Node {
  return {
    id: `run-repository:${found.number}`,
    number: found.number,
    url: found.html_url,
    title: found.title,
    body: found.body ?? "",
    createdAt: found.created_at,
    updatedAt: found.updated_at,
    closedAt: found.closed_at ?? null,
    closed: found.state === "closed",
    author: actor(found.user),
    assignees: connection((found.assignees ?? []).map(actor)),
    labels: connection((found.labels ?? []).map(label)),
    milestone: found.milestone
      ? {
          number: found.milestone.number,
          title: found.milestone.title,
          description: found.milestone.description ?? "",
          dueOn: found.milestone.due_on ?? null,
        }
      : null,
    projectCards: connection([]),
    projectItems: connection([]),
    reactionGroups: [],
    comments: (args: Arguments) =>
      list(read, args, { path: `/issues/${found.number}/comments`, node: comment, total: found.comments ?? 0 }),
  };
}

function issueNode(read: ReadRest, found: Rest): Node {
  const stateReason = found.state_reason ? String(found.state_reason).toUpperCase() : "";
  return { __typename: "Issue", ...common(read, found), state: String(found.state).toUpperCase(), stateReason };
}

function pullNode(read: ReadRest, found: Rest): Node {
  const head = found.head ?? {};
  const below = (part: string, node: (each: Rest) => Node, total?: number) => (args: Arguments) =>
    list(read, args, { path: `/pulls/${found.number}/${part}`, node, ...(total !== undefined && { total }) });
  const mergeable = found.mergeable === true ? "MERGEABLE" : found.mergeable === false ? "CONFLICTING" : "UNKNOWN";
  return {
    __typename: "PullRequest",
    ...common(read, found),
    state: found.merged_at ? "MERGED" : String(found.state).toUpperCase(),
    isDraft: found.draft ?? false,
    mergedAt: found.merged_at ?? null,
    maintainerCanModify: found.maintainer_can_modify ?? false,
    mergeable,
    mergeStateStatus: String(found.mergeable_state ?? "unknown").toUpperCase(),
    additions: found.additions ?? 0,
    deletions: found.deletions ?? 0,
    changedFiles: found.changed_files ?? 0,
    baseRefName: found.base?.ref,
    headRefName: head.ref,
    headRefOid: head.sha,
    headRepository: head.repo
      ? { __typename: "Repository", id: head.repo.node_id, name: head.repo.name, owner: actor(head.repo.owner) }
      : null,
    headRepositoryOwner: head.user ? actor(head.user) : null,
    isCrossRepository: (head.repo?.id ?? 0) !== found.base?.repo?.id,
    reviewDecision: "",
    reviewRequests: connection((found.requested_reviewers ?? []).map((user: Rest) => ({ requestedReviewer: actor(user) }))),
    reviews: below("reviews", review),
    latestReviews: below("reviews", review),
    files: below("files", ({ filename, additions, deletions }) => ({ path: filename, additions, deletions })),
    commits: (args: Arguments) =>
      args.last === 1
        ? connection([{ commit: { oid: head.sha, statusCheckRollup: rollup(read, head.sha) } }], found.commits ?? 1)
        : below("commits", commit, found.commits)(args),
  };
}

/** The checks of a commit. Commit statuses are not among them: the run's token may not read those. */
function rollup(read: ReadRest, sha: unknown): Node {
  const names = new Map<string, Promise<Node | null>>();
  // Of GitHub Actions' checks the address names the run, and the run its workflow: asked once for each run.
  const workflowRun = (check: Rest) => () => {
    const [, run] = /\/actions\/runs\/(\d{1,15})\//.exec(String(check.details_url)) ?? [];
    if (check.app?.slug !== "github-actions" || run === undefined) return null;
    const known = names.get(run) ?? read(`/actions/runs/${run}`).then((found) => workflowOf(found as Rest | undefined));
    names.set(run, known);
    return known;
  };
  const node = (check: Rest): Node => ({
    __typename: "CheckRun",
    name: check.name,
    status: String(check.status).toUpperCase(),
    conclusion: String(check.conclusion ?? "").toUpperCase(),
    startedAt: check.started_at ?? null,
    completedAt: check.completed_at ?? null,
    detailsUrl: check.details_url ?? check.html_url ?? "",
    checkSuite: { workflowRun: workflowRun(check) },
    // Which checks a branch demands is not for a run to read.
    isRequired: false,
  });
  return {
    state: "",
    contexts: (args: Arguments) => list(read, args, { path: `/commits/${sha}/check-runs`, in: "check_runs", node }),
  };
}

function workflowOf(run: Rest | undefined): Node | null {
  return run ? { event: run.event, workflow: { name: run.name } } : null;
}

function commit(found: Rest): Node {
  const [headline = "", ...rest] = String(found.commit?.message ?? "").split("\n");
  const person = found.commit?.author ?? {};
  return {
    commit: {
      oid: found.sha,
      messageHeadline: headline,
      messageBody: rest.join("\n").trim(),
      committedDate: found.commit?.committer?.date ?? null,
      authoredDate: person.date ?? null,
      authors: connection([
        { name: person.name ?? "", email: person.email ?? "", user: found.author ? actor(found.author) : null },
      ]),
    },
  };
}

function review(found: Rest): Node {
  return {
    id: found.node_id ?? String(found.id),
    author: actor(found.user),
    authorAssociation: found.author_association ?? "NONE",
    submittedAt: found.submitted_at ?? null,
    body: found.body ?? "",
    state: found.state,
    commit: { oid: found.commit_id ?? "" },
    reactionGroups: [],
  };
}

function comment(found: Rest): Node {
  return {
    id: found.node_id ?? String(found.id),
    url: found.html_url,
    author: actor(found.user),
    authorAssociation: found.author_association ?? "NONE",
    body: found.body ?? "",
    createdAt: found.created_at,
    includesCreatedEdit: found.updated_at !== found.created_at,
    isMinimized: false,
    minimizedReason: "",
    reactionGroups: [],
    viewerDidAuthor: false,
  };
}

function actor(user: Rest | null | undefined): Node {
  return { __typename: "User", id: user?.node_id ?? "", login: user?.login ?? "ghost", name: user?.name ?? "" };
}

function label(found: Rest | string): Node {
  if (typeof found === "string") return { id: "", name: found, description: "", color: "ededed" };
  return { id: found.node_id ?? "", name: found.name, description: found.description ?? "", color: found.color ?? "ededed" };
}
