import { type CheckRun, type CheckSuite, nodeId, type Repository, type World } from "../state.ts";
import { renderApp } from "./accounts.ts";
import { readCommit } from "./commits.ts";
import { isPull, renderPullMinimal } from "./pulls.ts";
import { apiUrl, htmlUrl, renderRepository } from "./repositories.ts";

interface In {
  world: World;
  repository: Repository;
}

export function renderCheckRun(place: In, run: CheckRun): Record<string, unknown> {
  const { world, repository } = place;
  const url = `${apiUrl(world, repository)}/check-runs/${run.id}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId("CR", run.id),
    head_sha: run.suite.headSha,
    external_id: run.externalId,
    url,
    html_url: `${htmlUrl(world, repository)}/runs/${run.id}`,
    details_url: run.detailsUrl ?? `${htmlUrl(world, repository)}/runs/${run.id}`,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: { ...run.output, annotations_count: run.annotations.length, annotations_url: `${url}/annotations` },
    check_suite: { id: run.suite.id },
    app: renderApp(world, run.suite.app),
    pull_requests: renderPulls(place, run.suite),
  };
}

/** In webhooks the suite is told in full (but for its commit), and the buttons' identifiers are not. */
export function renderCheckRunForWebhook(place: In, run: CheckRun): Record<string, unknown> {
  return {
    ...renderCheckRun(place, run),
    check_suite: { ...suiteFields(place, run.suite), app: renderApp(place.world, run.suite.app) },
  };
}

export async function renderCheckSuite(place: In, suite: CheckSuite): Promise<Record<string, unknown>> {
  const { world, repository } = place;
  return {
    ...(await renderCheckSuiteForWebhook(place, suite)),
    repository: renderRepository(world, repository),
    rerequestable: true,
    runs_rerequestable: true,
  };
}

export async function renderCheckSuiteForWebhook(place: In, suite: CheckSuite): Promise<Record<string, unknown>> {
  const { world, repository } = place;
  const commit = await readCommit(repository.folder, suite.headSha);
  return {
    ...suiteFields(place, suite),
    app: renderApp(world, suite.app),
    latest_check_runs_count: runsOf(repository, suite).length,
    check_runs_url: `${apiUrl(world, repository)}/check-suites/${suite.id}/check-runs`,
    head_commit: {
      id: commit.sha,
      tree_id: commit.tree,
      message: commit.message,
      timestamp: commit.committer.date,
      author: { name: commit.author.name, email: commit.author.email },
      committer: { name: commit.committer.name, email: commit.committer.email },
    },
  };
}

export function runsOf(repository: Repository, suite: CheckSuite): CheckRun[] {
  return [...repository.checkRuns.values()].filter((run) => run.suite === suite);
}

/** A suite is as far as its slowest run, and as good as its worst. */
export function suiteState(repository: Repository, suite: CheckSuite): { status: string; conclusion: string | null } {
  const runs = runsOf(repository, suite);
  if (suite.reset || runs.length === 0) return { status: "queued", conclusion: null };
  if (runs.some(({ status }) => status !== "completed"))
    return { status: runs.some(({ status }) => status === "in_progress") ? "in_progress" : "queued", conclusion: null };
  const worst = ["failure", "timed_out", "cancelled", "action_required", "stale", "neutral", "skipped", "success"];
  const conclusion = worst.find((word) => runs.some((run) => run.conclusion === word)) ?? "success";
  return { status: "completed", conclusion };
}

function suiteFields(place: In, suite: CheckSuite): Record<string, unknown> {
  const { world, repository } = place;
  return {
    id: suite.id,
    node_id: nodeId("CS", suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    ...suiteState(repository, suite),
    url: `${apiUrl(world, repository)}/check-suites/${suite.id}`,
    before: suite.before,
    after: suite.headSha,
    pull_requests: renderPulls(place, suite),
    created_at: suite.createdAt,
    updated_at: suite.updatedAt,
  };
}

function renderPulls(place: In, suite: CheckSuite): Record<string, unknown>[] {
  return [...place.repository.issues.values()]
    .filter(isPull)
    .filter(({ state, pull }) => state === "open" && pull.head.sha === suite.headSha && pull.head.repository === place.repository)
    .map((issue) => renderPullMinimal(place, issue));
}
