import { type RepositoryCall, writer } from "../call.ts";
import { invalidField } from "../github-error.ts";
import { renderCheckRunForWebhook, renderCheckSuiteForWebhook, suiteState } from "../render/checks.ts";
import { type CheckRun, type CheckSuite, timestamp } from "../state.ts";

type By = Pick<RepositoryCall, "world" | "webhooks" | "repository" | "actor">;

/** What a check run is made with or changed to. */
export interface CheckWish {
  name?: string;
  head_sha?: string;
  details_url?: string;
  external_id?: string;
  status?: string;
  started_at?: string;
  conclusion?: string;
  completed_at?: string;
  output?: { title?: string; summary?: string; text?: string; annotations?: Record<string, unknown>[] };
  actions?: CheckRun["actions"];
}

/** Tells the App that made the run. A run's buttons lead here too, with the identifier of the one that was pressed. */
export function announceRun(by: By, run: CheckRun, action: string, more: Record<string, unknown> = {}): void {
  const { world, webhooks, repository, actor } = by;
  const payload = { check_run: renderCheckRunForWebhook({ world, repository }, run), ...more };
  const only = action === "rerequested" || action === "requested_action" ? { only: run.suite.app } : {};
  webhooks.announce({ event: "check_run", action, payload, repository, sender: writer(actor), ...only });
}

/** GitHub's rules beyond its schema: a conclusion completes, completing needs a conclusion, annotations add up, an output is replaced. */
export function changeRun(by: By, run: CheckRun, wanted: CheckWish): void {
  const at = timestamp(by.world.nowMs());
  const completing = wanted.conclusion !== undefined || wanted.status === "completed";
  if (completing && (wanted.conclusion ?? run.conclusion) === null)
    throw invalidField({ resource: "CheckRun", field: "conclusion", code: "missing_field" });
  if (wanted.name !== undefined) run.name = wanted.name;
  if (wanted.external_id !== undefined) run.externalId = wanted.external_id;
  if (wanted.details_url !== undefined) run.detailsUrl = wanted.details_url;
  if (wanted.started_at !== undefined) run.startedAt = timestamp(Date.parse(wanted.started_at));
  if (completing) {
    run.status = "completed";
    run.conclusion = wanted.conclusion ?? run.conclusion;
    run.completedAt = wanted.completed_at === undefined ? (run.completedAt ?? at) : timestamp(Date.parse(wanted.completed_at));
  } else if (wanted.status !== undefined) {
    Object.assign(run, { status: wanted.status, conclusion: null, completedAt: null });
  }
  if (wanted.output !== undefined) {
    const { title, summary, text: long, annotations } = wanted.output;
    run.output = { title: title ?? run.output.title, summary: summary ?? run.output.summary, text: long ?? null };
    run.annotations.push(...(annotations ?? []).map(completeAnnotation));
  }
  if (wanted.actions !== undefined) run.actions = wanted.actions;
  run.suite.updatedAt = at;
  run.suite.reset = false;
}

function completeAnnotation(annotation: Record<string, unknown>): Record<string, unknown> {
  return { start_column: null, end_column: null, title: null, raw_details: null, blob_href: "", ...annotation };
}

export async function announceCompleted(by: By, run: CheckRun): Promise<void> {
  announceRun(by, run, "completed");
  if (suiteState(by.repository, run.suite).status === "completed") await announceSuite(by, run.suite, "completed");
}

export async function announceSuite(by: By, suite: CheckSuite, action: string): Promise<void> {
  const { world, webhooks, repository, actor } = by;
  const payload = { check_suite: await renderCheckSuiteForWebhook({ world, repository }, suite) };
  webhooks.announce({ event: "check_suite", action, payload, repository, sender: writer(actor), only: suite.app });
}
