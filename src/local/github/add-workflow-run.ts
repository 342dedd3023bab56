import { needCommit } from "./git.ts";
import { createApp } from "./manifest.ts";
import { suiteOf } from "./refs.ts";
import { type App, type Repository, timestamp, type WorkflowJob, type WorkflowRun, type World } from "./state.ts";

export interface AddWorkflowRunOptions {
  /** A branch or a commit. */
  of: string;
  branch: string;
  name: string;
  /** ".github/workflows/ci.yml" */
  path: string;
  event: string;
  jobs: { name: string; conclusion: string; steps: { name: string; conclusion: string; log: string }[] }[];
}

/** One completed run of GitHub Actions, as if its runners had done it: each job is a check run too, of the same id, as on GitHub. */
export async function addWorkflowRun(world: World, repository: Repository, wish: AddWorkflowRunOptions): Promise<WorkflowRun> {
  const headSha = await needCommit(repository.folder, wish.of);
  const at = timestamp(world.nowMs());
  const suite = suiteOf({ world, repository, app: actionsApp(world, repository), headSha, headBranch: wish.branch });
  const workflow = repository.workflows.find(({ path }) => path === wish.path) ?? {
    ...{ id: world.nextId(), name: wish.name, path: wish.path, createdAt: at },
  };
  if (!repository.workflows.includes(workflow)) repository.workflows.push(workflow);
  const failed = wish.jobs.some(({ conclusion }) => conclusion === "failure");
  const run: WorkflowRun = {
    ...{ id: world.nextId(), number: repository.workflowRuns.size + 1, workflow, suite },
    ...{ event: wish.event, conclusion: failed ? "failure" : "success", createdAt: at, jobs: [] },
  };
  for (const { name, conclusion, steps } of wish.jobs) {
    const job: WorkflowJob = { id: world.nextId(), name, conclusion, steps };
    run.jobs.push(job);
    repository.checkRuns.set(job.id, {
      ...{ id: job.id, suite, name, externalId: String(job.id), status: "completed", conclusion, startedAt: at, completedAt: at },
      detailsUrl: `${world.url}/${repository.owner.login}/${repository.name}/actions/runs/${run.id}/job/${job.id}`,
      ...{ output: { title: null, summary: null, text: null }, annotations: [], actions: [] },
    });
  }
  repository.workflowRuns.set(run.id, run);
  return run;
}

function actionsApp(world: World, { owner }: Repository): App {
  const slug = "github-actions";
  const known = world.apps.find((app) => app.slug === slug);
  return known ?? createApp(world, { name: "GitHub Actions", slug, owner, webhookUrl: undefined, permissions: {}, events: [] });
}
