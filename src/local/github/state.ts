/** Everything that the local GitHub knows besides git: plain data in memory, gone with the process. Git's truth (refs, commits, trees) is
 *  never copied here, except for what GitHub itself remembers of a pull request: the head that it last saw. */

export type Role = "read" | "triage" | "write" | "maintain" | "admin";
export type Permissions = Record<string, string>;

export interface Account {
  id: number;
  login: string;
  type: "User" | "Bot" | "Organization";
  createdAt: string;
  /** A personal token; organisations and bots have none. */
  token?: string;
}

export interface App {
  id: number;
  slug: string;
  name: string;
  clientId: string;
  clientSecret: string;
  owner: Account;
  bot: Account;
  privateKey: string;
  /** Made later: GitHub takes what any of an App's keys has signed. */
  otherKeys: string[];
  webhookSecret: string;
  webhookUrl: string | undefined;
  permissions: Permissions;
  events: string[];
  createdAt: string;
}

export interface Installation {
  id: number;
  app: App;
  account: Account;
  /** "all" also covers repositories that are made later. */
  repositoryIds: Set<number> | "all";
  permissions: Permissions;
  events: string[];
  createdAt: string;
  suspendedAt: string | null;
  suspendedBy?: Account | undefined;
}

export interface InstallationToken {
  token: string;
  installation: Installation;
  permissions: Permissions;
  /** Undefined: whatever the installation covers. */
  repositoryIds: Set<number> | undefined;
  mintedAtMs: number;
  expiresAtMs: number;
  revokedAtMs: number | undefined;
}

export interface Label {
  id: number;
  name: string;
  color: string;
  description: string | null;
}

export interface Reaction {
  id: number;
  content: string;
  user: Account;
  createdAt: string;
}

export interface Comment {
  id: number;
  issue: Issue;
  body: string;
  user: Account;
  viaApp: App | null;
  createdAt: string;
  updatedAt: string;
  reactions: Reaction[];
}

export interface Review {
  id: number;
  user: Account;
  body: string;
  state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED";
  commit: string;
  submittedAt: string;
  comments: { id: number; path: string; line: number; body: string }[];
}

/** What an issue has on top if it is a pull request. */
export interface Pull {
  id: number;
  base: { ref: string; sha: string };
  head: { repository: Repository; ref: string; sha: string };
  draft: boolean;
  merged: { at: string; by: Account; sha: string } | null;
  reviews: Review[];
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  user: Account;
  viaApp: App | null;
  state: "open" | "closed";
  stateReason: string | null;
  labels: Label[];
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  closedBy: Account | null;
  reactions: Reaction[];
  /** Only people who may write here say anything more. */
  locked?: boolean;
  pull: Pull | undefined;
}

export interface CheckSuite {
  id: number;
  app: App;
  headSha: string;
  headBranch: string | null;
  before: string | null;
  createdAt: string;
  updatedAt: string;
  /** Set by a request to run again: the suite counts as queued until one of its runs changes. */
  reset: boolean;
}

export interface CheckRun {
  id: number;
  suite: CheckSuite;
  name: string;
  externalId: string;
  detailsUrl: string | null;
  status: string;
  conclusion: string | null;
  startedAt: string;
  completedAt: string | null;
  output: { title: string | null; summary: string | null; text: string | null };
  annotations: Record<string, unknown>[];
  actions: { label: string; description: string; identifier: string }[];
}

export interface Workflow {
  id: number;
  name: string;
  path: string;
  createdAt: string;
}

/** Each is a check run of the same id as well. */
export interface WorkflowJob {
  id: number;
  name: string;
  conclusion: string;
  steps: { name: string; conclusion: string; log: string }[];
}

/** Completed at once: nothing runs here. */
export interface WorkflowRun {
  id: number;
  number: number;
  workflow: Workflow;
  suite: CheckSuite;
  event: string;
  conclusion: string;
  createdAt: string;
  jobs: WorkflowJob[];
}

export interface Repository {
  id: number;
  owner: Account;
  name: string;
  private: boolean;
  parent: Repository | undefined;
  defaultBranch: string;
  /** The bare git repository. */
  folder: string;
  createdAt: string;
  pushedAt: string;
  /** What GitHub says of its size. */
  sizeKiB: number;
  /** Read-only for everybody, until it is taken back. */
  archived: boolean;
  /** Issues are turned off: those that there are answer 410. */
  issuesOff?: boolean;
  /** Numbers that are never given again: undefined for an issue that was deleted, else where it was transferred to. */
  gone: Map<number, { repository: Repository; number: number } | undefined>;
  /** Old names of branches, onto the new ones. */
  formerBranches: Map<string, string>;
  roles: Map<number, Role>;
  labels: Label[];
  issues: Map<number, Issue>;
  comments: Map<number, Comment>;
  checkSuites: Map<number, CheckSuite>;
  checkRuns: Map<number, CheckRun>;
  workflows: Workflow[];
  workflowRuns: Map<number, WorkflowRun>;
}

export interface Delivery {
  /** Above 2^53, as GitHub's are since early 2026 (octokit/request.js issue 797). */
  id: bigint;
  guid: string;
  app: App;
  event: string;
  action: string | null;
  installationId: number | null;
  repositoryId: number | null;
  url: string;
  deliveredAt: string;
  redelivery: boolean;
  /** Seconds, as GitHub counts. */
  duration: number;
  status: string;
  /** 0 where nobody answered. */
  statusCode: number;
  request: { headers: Record<string, string>; payload: Record<string, unknown> };
  response: { headers: Record<string, string>; payload: string } | undefined;
}

export interface RequestLine {
  atMs: number;
  method: string;
  path: string;
  status: number;
  /** A login, `slug (app)`, or "anonymous". */
  actor: string;
  durationMs: number;
  /** GitHub's name for what was asked: "issues/create"; undefined for git, pages and what nobody knows. */
  operation: string | undefined;
}

export interface InvalidResponse {
  where: string;
  problem: string;
}

/** A manifest that was accepted, waiting for its conversion. */
export interface ManifestCode {
  app: App;
  expiresAtMs: number;
}

export interface World {
  /** http://127.0.0.1:PORT, without a slash at the end. */
  url: string;
  folder: string;
  accounts: Account[];
  apps: App[];
  installations: Installation[];
  tokens: Map<string, InstallationToken>;
  repositories: Map<number, Repository>;
  /** Names that were given up, in lower case, onto the repository that had them: until another one takes the name. */
  formerNames: Map<string, number>;
  deliveries: Delivery[];
  manifestCodes: Map<string, ManifestCode>;
  /** Logs, by the signature that opens them. */
  blobs: Map<string, { type: string; content: Buffer }>;
  requests: RequestLine[];
  invalidResponses: InvalidResponse[];
  /** A number that nothing else has ever had, not even before a restart: it starts at the epoch's milliseconds. */
  nextId(): number;
  nextDeliveryId(): bigint;
  nowMs(): number;
}

export function createWorld(options: { url: string; folder: string; nowMs?: () => number }): World {
  const nowMs = options.nowMs ?? Date.now;
  let lastId = Date.now();
  return {
    url: options.url,
    folder: options.folder,
    accounts: [],
    apps: [],
    installations: [],
    tokens: new Map(),
    repositories: new Map(),
    formerNames: new Map(),
    deliveries: [],
    manifestCodes: new Map(),
    blobs: new Map(),
    requests: [],
    invalidResponses: [],
    nextId: () => {
      lastId += 1;
      return lastId;
    },
    nextDeliveryId: () => {
      lastId += 1;
      return BigInt(lastId) * 2_000_003n;
    },
    nowMs,
  };
}

/** GitHub's timestamps count whole seconds: 2026-11-24T09:30:00Z. */
export function timestamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

/** GitHub's global ids are opaque; ours carry kind and number, so that a log can be read. */
export function nodeId(kind: string, id: number): string {
  return `${kind}_${Buffer.from(String(id)).toString("base64url")}`;
}
