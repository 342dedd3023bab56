import { nodeId, type Repository, type Workflow, type WorkflowJob, type WorkflowRun, type World } from "../state.ts";
import { renderUser } from "./accounts.ts";
import { readCommit } from "./commits.ts";
import { apiUrl, htmlUrl, renderRepository } from "./repositories.ts";

interface In {
  world: World;
  repository: Repository;
}

export function renderWorkflow({ world, repository }: In, workflow: Workflow): Record<string, unknown> {
  const html = htmlUrl(world, repository);
  return {
    id: workflow.id,
    node_id: nodeId("W", workflow.id),
    name: workflow.name,
    path: workflow.path,
    state: "active",
    created_at: workflow.createdAt,
    updated_at: workflow.createdAt,
    url: `${apiUrl(world, repository)}/actions/workflows/${workflow.id}`,
    html_url: `${html}/blob/${repository.defaultBranch}/${workflow.path}`,
    badge_url: `${html}/workflows/${encodeURIComponent(workflow.name)}/badge.svg`,
  };
}

export async function renderWorkflowRun({ world, repository }: In, run: WorkflowRun): Promise<Record<string, unknown>> {
  const url = `${apiUrl(world, repository)}/actions/runs/${run.id}`;
  const { headSha, headBranch, id: suiteId } = run.suite;
  const commit = await readCommit(repository.folder, headSha);
  const person = ({ name, email }: { name: string; email: string }) => ({ name, email });
  return {
    id: run.id,
    name: run.workflow.name,
    node_id: nodeId("WFR", run.id),
    check_suite_id: suiteId,
    check_suite_node_id: nodeId("CS", suiteId),
    head_branch: headBranch,
    head_sha: headSha,
    path: run.workflow.path,
    run_number: run.number,
    run_attempt: 1,
    event: run.event,
    display_title: commit.message.split("\n")[0] ?? "",
    status: "completed",
    conclusion: run.conclusion,
    workflow_id: run.workflow.id,
    url,
    html_url: `${htmlUrl(world, repository)}/actions/runs/${run.id}`,
    pull_requests: [],
    created_at: run.createdAt,
    updated_at: run.createdAt,
    run_started_at: run.createdAt,
    actor: renderUser(world, repository.owner),
    triggering_actor: renderUser(world, repository.owner),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${apiUrl(world, repository)}/check-suites/${suiteId}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: null,
    workflow_url: `${apiUrl(world, repository)}/actions/workflows/${run.workflow.id}`,
    head_commit: {
      ...{ id: headSha, tree_id: commit.tree, message: commit.message, timestamp: commit.committer.date },
      ...{ author: person(commit.author), committer: person(commit.committer) },
    },
    repository: renderRepository(world, repository),
    head_repository: renderRepository(world, repository),
  };
}

export function renderJob({ world, repository }: In, run: WorkflowRun, job: WorkflowJob): Record<string, unknown> {
  const url = apiUrl(world, repository);
  const times = { started_at: run.createdAt, completed_at: run.createdAt };
  return {
    id: job.id,
    run_id: run.id,
    workflow_name: run.workflow.name,
    head_branch: run.suite.headBranch,
    run_url: `${url}/actions/runs/${run.id}`,
    run_attempt: 1,
    node_id: nodeId("CR", job.id),
    head_sha: run.suite.headSha,
    url: `${url}/actions/jobs/${job.id}`,
    html_url: `${htmlUrl(world, repository)}/actions/runs/${run.id}/job/${job.id}`,
    status: "completed",
    conclusion: job.conclusion,
    created_at: run.createdAt,
    ...times,
    name: job.name,
    steps: job.steps.map(({ name, conclusion }, i) => ({ name, status: "completed", conclusion, number: i + 1, ...times })),
    check_run_url: `${url}/check-runs/${job.id}`,
    labels: ["ubuntu-latest"],
    runner_id: 1,
    runner_name: "GitHub Actions 1",
    runner_group_id: 1,
    runner_group_name: "GitHub Actions",
  };
}
