import { type Api, statusOf } from "../github/api.ts";
import { parseSha, type RunId, type Sha } from "../run/identity.ts";
import type { Conclusion } from "../run/outcome.ts";

/** What the check shows. GitHub refuses a `summary` above 65,535 characters: bounded by whoever writes it. */
export interface CheckOutput {
  title: string;
  summary: string;
}

export const checkName = "Airlock";

interface Input {
  appId: number;
  owner: string;
  repo: string;
  run: RunId;
  sha: Sha;
  detailsUrl: string;
  startedAtMs: number;
  output: CheckOutput;
  conclusion?: Conclusion;
  /** Buttons: GitHub shows them on a completed check only. */
  actions?: CheckAction[];
}

/** GitHub allows 20 characters for label and identifier, 40 for the description, three actions. */
export interface CheckAction {
  label: string;
  description: string;
  identifier: string;
}

/** The run's check on this commit: found by external id and App, made where it is missing, brought up to date. Answers its id. */
export async function ensureCheckRun(api: Api, input: Input): Promise<number> {
  const { owner, repo } = input;
  const state = {
    details_url: input.detailsUrl,
    external_id: input.run,
    started_at: new Date(input.startedAtMs).toISOString(),
    output: input.output,
    // Named always: those that an earlier state offered would stay otherwise.
    actions: input.actions ?? [],
    ...(input.conclusion ? { status: "completed" as const, conclusion: input.conclusion } : { status: "in_progress" as const }),
  };
  const known = await findCheckRun(api, input);
  if (known !== undefined) {
    await api.rest.checks.update({ owner, repo, check_run_id: known, name: checkName, ...state });
    return known;
  }
  const { data } = await api.rest.checks.create({ owner, repo, name: checkName, head_sha: input.sha, ...state });
  return data.id;
}

async function findCheckRun(api: Api, input: Input): Promise<number | undefined> {
  return (await findOwnCheck(api, { ...input, ref: input.sha }))?.id;
}

/** The commit at the branch's tip, where the run has a check on it. */
export async function findCheckedTip(
  api: Api,
  input: Pick<Input, "appId" | "owner" | "repo" | "run"> & { branch: string },
): Promise<Sha | undefined> {
  try {
    return parseSha((await findOwnCheck(api, { ...input, ref: `heads/${input.branch}` }))?.head_sha);
  } catch (error) {
    const status = statusOf(error);
    // As GitHub says it of a branch that is gone.
    if (status === 404 || status === 422) return undefined;
    throw error;
  }
}

async function findOwnCheck(api: Api, at: Pick<Input, "appId" | "owner" | "repo" | "run"> & { ref: string }) {
  const { data } = await api.rest.checks.listForRef({
    owner: at.owner,
    repo: at.repo,
    ref: at.ref,
    check_name: checkName,
    app_id: at.appId,
    filter: "all",
    per_page: 100,
  });
  return data.check_runs.find((check) => check.external_id === at.run && check.app?.id === at.appId);
}
