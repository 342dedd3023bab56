import { randomBytes } from "node:crypto";
import { inRepository, number, page, type Reply, type RepositoryCall, type Routes, text } from "../call.ts";
import { notFound } from "../github-error.ts";
import { renderJob, renderWorkflow, renderWorkflowRun } from "../render/actions.ts";
import type { WorkflowJob, WorkflowRun } from "../state.ts";
import { printZip } from "../zip.ts";

const reads = (answer: (call: RepositoryCall) => Promise<Reply> | Reply) => inRepository(["actions:read"], "read", answer);

export const actionsRoutes: Routes = {
  "actions/list-repo-workflows": reads((call) =>
    page(call, call.repository.workflows, (shown) => ({
      total_count: call.repository.workflows.length,
      workflows: shown.map((workflow) => renderWorkflow(call, workflow)),
    })),
  ),
  "actions/get-workflow": reads((call) => ({ status: 200, json: renderWorkflow(call, findWorkflow(call)) })),
  "actions/list-workflow-runs-for-repo": reads((call) => listRuns(call, [...call.repository.workflowRuns.values()])),
  "actions/list-workflow-runs": reads((call) => {
    const workflow = findWorkflow(call);
    return listRuns(
      call,
      [...call.repository.workflowRuns.values()].filter((run) => run.workflow === workflow),
    );
  }),
  "actions/get-workflow-run": reads(getRun),
  "actions/get-workflow-run-attempt": reads(getRun),
  "actions/list-jobs-for-workflow-run": reads(listJobs),
  "actions/list-jobs-for-workflow-run-attempt": reads(listJobs),
  "actions/list-workflow-run-artifacts": reads((call) => {
    findRun(call);
    return { status: 200, json: { total_count: 0, artifacts: [] } };
  }),
  "actions/get-job-for-workflow-run": reads((call) => {
    const { run, job } = findJob(call);
    return { status: 200, json: renderJob(call, run, job) };
  }),
  "actions/download-workflow-run-logs": reads(runLogs),
  "actions/download-workflow-run-attempt-logs": reads(runLogs),
  "actions/download-job-logs-for-workflow-run": reads((call) => {
    const { job } = findJob(call);
    return redirect(call, { type: "text/plain", content: Buffer.from(job.steps.map(({ log }) => log).join("")) });
  }),
};

async function getRun(call: RepositoryCall): Promise<Reply> {
  return { status: 200, json: await renderWorkflowRun(call, findRun(call)) };
}

function listJobs(call: RepositoryCall): Reply {
  const run = findRun(call);
  const render = (shown: WorkflowJob[]) => shown.map((job) => renderJob(call, run, job));
  return page(call, run.jobs, (shown) => ({ total_count: run.jobs.length, jobs: render(shown) }));
}

/** Newest first. */
async function listRuns(call: RepositoryCall, all: WorkflowRun[]): Promise<Reply> {
  const { branch, event, status, head_sha: sha } = call.params;
  const runs = all.reverse().filter(({ suite, event: of, conclusion }) => {
    if (branch !== undefined && suite.headBranch !== branch) return false;
    if (sha !== undefined && suite.headSha !== sha) return false;
    return (event === undefined || of === event) && (status === undefined || ["completed", conclusion].includes(String(status)));
  });
  const reply = page(call, runs, (shown) => shown);
  const rendered = (reply.json as WorkflowRun[]).map((run) => renderWorkflowRun(call, run));
  return { ...reply, json: { total_count: runs.length, workflow_runs: await Promise.all(rendered) } };
}

/** One file for each step, in a folder for each job. */
function runLogs(call: RepositoryCall): Reply {
  const files = findRun(call).jobs.flatMap((job) =>
    job.steps.map(({ name, log }, i) => [`${job.name}/${i + 1}_${name}.txt`, log] as const),
  );
  return redirect(call, { type: "application/zip", content: printZip(new Map(files)) });
}

/** GitHub keeps logs elsewhere, and sends whoever may read one to an address that is signed and needs no token. */
function redirect(call: RepositoryCall, blob: { type: string; content: Buffer }): Reply {
  const signature = randomBytes(16).toString("hex");
  call.world.blobs.set(signature, blob);
  return { status: 302, headers: { location: `${call.world.url}/_blobs/log?sig=${signature}` } };
}

function findRun(call: RepositoryCall): WorkflowRun {
  const run = call.repository.workflowRuns.get(number(call, "run_id"));
  if (run === undefined || Number(call.params.attempt_number ?? 1) !== 1) throw notFound();
  return run;
}

function findJob(call: RepositoryCall): { run: WorkflowRun; job: WorkflowJob } {
  for (const run of call.repository.workflowRuns.values())
    for (const job of run.jobs) if (job.id === number(call, "job_id")) return { run, job };
  throw notFound();
}

/** By its number, or by its file's name. */
function findWorkflow(call: RepositoryCall) {
  const wanted = text(call, "workflow_id");
  const found = call.repository.workflows.find(({ id, path }) => String(id) === wanted || path.endsWith(`/${wanted}`));
  if (found === undefined) throw notFound();
  return found;
}
