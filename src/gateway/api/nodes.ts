/** ◆ Issues and pull requests as GraphQL names them, made from what REST says. Lists that need another call are functions. */
import type { Arguments, Node } from "./execute.ts";

/** Reads one path below the repository; undefined: there is none. */
export type ReadRest = (below: string) => Promise<unknown>;

/** GitHub's own answer: trusted to have the shape of its published description. */
// biome-ignore lint/suspicious/noExplicitAny: naming each field of the description again would say nothing.
type Rest = Record<string, any>;

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
    issues: (args: Arguments) => list(read, args, "issues", (found) => (found.pull_request ? undefined : issueNode(read, found))),
    pullRequests: (args: Arguments) => list(read, args, "pulls", (found) => pullNode(read, found)),
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

async function list(
  read: ReadRest,
  args: Arguments,
  of: "issues" | "pulls",
  node: (found: Rest) => Node | undefined,
): Promise<Node> {
  const states = Array.isArray(args.states) ? args.states : ["OPEN"];
  const state = states.length === 1 && states[0] === "OPEN" ? "open" : states.includes("OPEN") ? "all" : "closed";
  const first = Math.min(100, whole(args.first));
  const merged = states.length === 1 && states[0] === "MERGED";
  const found = ((await read(`/${of}?state=${state}&per_page=100`)) ?? []) as Rest[];
  const nodes = found
    .filter(
      (each) =>
        (!args.headRefName || each.head?.ref === args.headRefName) && (!args.baseRefName || each.base?.ref === args.baseRefName),
    )
    .filter((each) => !merged || each.merged_at)
    .map(node)
    .filter((each) => each !== undefined);
  return connection(nodes.slice(0, first), nodes.length);
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
    comments: async (args: Arguments) => {
      const comments = ((await read(`/issues/${found.number}/comments?per_page=100`)) ?? []) as Rest[];
      const shown = typeof args.last === "number" ? comments.slice(-args.last) : comments.slice(0, 100);
      return connection(shown.map(comment), Math.max(found.comments ?? 0, comments.length));
    },
  };
}

function issueNode(read: ReadRest, found: Rest): Node {
  const stateReason = found.state_reason ? String(found.state_reason).toUpperCase() : "";
  return { __typename: "Issue", ...common(read, found), state: String(found.state).toUpperCase(), stateReason };
}

function pullNode(read: ReadRest, found: Rest): Node {
  const head = found.head ?? {};
  const below = (part: string) => async () => ((await read(`/pulls/${found.number}/${part}?per_page=100`)) ?? []) as Rest[];
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
    headRepository: head.repo ? { __typename: "Repository", id: head.repo.node_id, name: head.repo.name } : null,
    headRepositoryOwner: head.user ? actor(head.user) : null,
    isCrossRepository: (head.repo?.id ?? 0) !== found.base?.repo?.id,
    reviewDecision: "",
    reviewRequests: connection((found.requested_reviewers ?? []).map((user: Rest) => ({ requestedReviewer: actor(user) }))),
    reviews: async () => connection((await below("reviews")()).map(review)),
    latestReviews: async () => connection((await below("reviews")()).map(review)),
    files: async () =>
      connection(
        (await below("files")()).map((file) => ({ path: file.filename, additions: file.additions, deletions: file.deletions })),
      ),
    commits: async (args: Arguments) =>
      args.last === 1
        ? connection([{ commit: { oid: head.sha, statusCheckRollup: () => rollup(read, head.sha) } }], found.commits ?? 1)
        : connection((await below("commits")()).map(commit), found.commits),
  };
}

async function rollup(read: ReadRest, sha: unknown): Promise<Node> {
  const answer = (await read(`/commits/${sha}/check-runs?per_page=100`)) as Rest | undefined;
  const contexts = ((answer?.check_runs ?? []) as Rest[]).map((run) => ({
    __typename: "CheckRun",
    name: run.name,
    status: String(run.status).toUpperCase(),
    conclusion: String(run.conclusion ?? "").toUpperCase(),
    startedAt: run.started_at ?? null,
    completedAt: run.completed_at ?? null,
    detailsUrl: run.details_url ?? run.html_url ?? "",
    checkSuite: { workflowRun: null },
  }));
  return { state: "", contexts: connection(contexts) };
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

function connection(nodes: Node[], totalCount = nodes.length): Node {
  return { nodes, totalCount, pageInfo: { hasNextPage: false, endCursor: "" } };
}

/** A number for a path, whatever was sent. */
function whole(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}
