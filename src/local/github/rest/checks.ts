import { inRepository, number, page, type Reply, type RepositoryCall, type Routes, text } from "../call.ts";
import { findCommit, listRefs, needCommit } from "../git.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { suiteOf } from "../refs.ts";
import { renderCheckRun, renderCheckSuite, runsOf } from "../render/checks.ts";
import { type App, type CheckRun, type CheckSuite, timestamp } from "../state.ts";
import { announceCompleted, announceRun, announceSuite, type CheckWish, changeRun } from "./check-change.ts";

export const checkRoutes: Routes = {
  "checks/create": inRepository(["checks:write"], "write", create),
  "checks/update": inRepository(["checks:write"], "write", update),
  "checks/get": inRepository(["checks:read"], "read", (call) => ({ status: 200, json: renderCheckRun(call, findRun(call)) })),
  "checks/list-annotations": inRepository(["checks:read"], "read", (call) =>
    page(call, findRun(call).annotations, (shown) => shown),
  ),
  "checks/list-for-ref": inRepository(["checks:read"], "read", async (call) => {
    const sha = await headOf(call);
    return listRuns(
      call,
      [...call.repository.checkRuns.values()].filter(({ suite }) => suite.headSha === sha),
    );
  }),
  "checks/list-for-suite": inRepository(["checks:read"], "read", (call) =>
    listRuns(call, runsOf(call.repository, findSuite(call))),
  ),
  "checks/get-suite": inRepository(["checks:read"], "read", async (call) => ({
    status: 200,
    json: await renderCheckSuite(call, findSuite(call)),
  })),
  "checks/list-suites-for-ref": inRepository(["checks:read"], "read", listSuites),
  // On GitHub people press a button for these two; here REST stands in for it.
  "checks/rerequest-run": inRepository(["checks:write"], "write", (call) => {
    const run = findRun(call);
    run.suite.reset = true;
    announceRun(call, run, "rerequested");
    return { status: 201, json: {} };
  }),
  "checks/rerequest-suite": inRepository(["checks:write"], "write", async (call) => {
    const suite = findSuite(call);
    suite.reset = true;
    await announceSuite(call, suite, "rerequested");
    return { status: 201, json: {} };
  }),
};

async function create(call: RepositoryCall): Promise<Reply> {
  const app = appBehind(call);
  const wanted = call.body as CheckWish;
  const headSha = await needCommit(call.repository.folder, String(wanted.head_sha));
  const branches = await listRefs(call.repository.folder, "refs/heads/");
  const headBranch = branches.find(({ sha }) => sha === headSha)?.ref.slice("refs/heads/".length) ?? null;
  const run: CheckRun = {
    id: call.world.nextId(),
    suite: suiteOf({ world: call.world, repository: call.repository, app, headSha, headBranch }),
    name: String(wanted.name),
    externalId: "",
    detailsUrl: null,
    status: "queued",
    conclusion: null,
    startedAt: timestamp(call.world.nowMs()),
    completedAt: null,
    output: { title: null, summary: null, text: null },
    annotations: [],
    actions: [],
  };
  changeRun(call, run, wanted);
  call.repository.checkRuns.set(run.id, run);
  announceRun(call, run, "created");
  if (run.status === "completed") await announceCompleted(call, run);
  return { status: 201, json: renderCheckRun(call, run) };
}

async function update(call: RepositoryCall): Promise<Reply> {
  const run = findRun(call);
  const app = appBehind(call);
  if (run.suite.app !== app)
    throw new GitHubError(
      403,
      `Invalid app_id \`${run.suite.app.id}\` - check run can only be modified by the GitHub App that created it.`,
    );
  const wasCompleted = run.status === "completed";
  changeRun(call, run, call.body as CheckWish);
  if (run.status === "completed" && !wasCompleted) await announceCompleted(call, run);
  return { status: 200, json: renderCheckRun(call, run) };
}

function listRuns(call: RepositoryCall, runs: CheckRun[]): Reply {
  const { check_name: name, status, app_id: appId } = call.params;
  const found = runs
    .filter((run) => name === undefined || run.name === name)
    .filter((run) => status === undefined || run.status === status)
    .filter((run) => appId === undefined || run.suite.app.id === appId)
    .toReversed();
  const latest =
    call.params.filter === "all" ? found : found.filter((run, at) => found.findIndex((other) => sameCheck(run, other)) === at);
  return page(call, latest, (shown) => ({
    total_count: latest.length,
    check_runs: shown.map((run) => renderCheckRun(call, run)),
  }));
}

/** `filter=latest`, the default: of runs with one name in one suite only the newest. */
function sameCheck(run: CheckRun, other: CheckRun): boolean {
  return run.name === other.name && run.suite === other.suite;
}

async function listSuites(call: RepositoryCall): Promise<Reply> {
  const sha = await headOf(call);
  const found = [...call.repository.checkSuites.values()]
    .filter((suite) => suite.headSha === sha)
    .filter((suite) => call.params.app_id === undefined || suite.app.id === call.params.app_id);
  const rendered = await Promise.all(found.map((suite) => renderCheckSuite(call, suite)));
  return page(call, rendered, (shown) => ({ total_count: rendered.length, check_suites: shown }));
}

async function headOf(call: RepositoryCall): Promise<string> {
  const name = text(call, "ref").replace(/^(refs\/)?heads\//, "");
  const sha = await findCommit(call.repository.folder, name);
  if (sha === undefined) throw new GitHubError(422, `No commit found for SHA: ${name}`);
  return sha;
}

export function findRun(call: RepositoryCall): CheckRun {
  const found = call.repository.checkRuns.get(number(call, "check_run_id"));
  if (found === undefined) throw notFound();
  return found;
}

function findSuite(call: RepositoryCall): CheckSuite {
  const found = call.repository.checkSuites.get(number(call, "check_suite_id"));
  if (found === undefined) throw notFound();
  return found;
}

function appBehind(call: RepositoryCall): App {
  if (call.actor.kind === "installation") return call.actor.app;
  throw new GitHubError(403, "You must authenticate via a GitHub App.");
}
