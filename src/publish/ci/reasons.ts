import type { GitHost } from "../../git/client.ts";
import type { Api } from "../../github/api.ts";
import { type Grants, scopeOf } from "../../github/grant.ts";
import type { Sha } from "../../run/identity.ts";
import type { Reason } from "../../run/outcome.ts";
import type { Pins } from "../../run/request.ts";
import type { RunRow } from "../../store/queries/runs.ts";
import { decideGate } from "./gate.ts";
import { readOwnWorkflows, readTheirWorkflows } from "./read.ts";

export interface CiParts {
  git: GitHost;
  grants: Grants;
  publishing: { ci: "hold" | "hold-risky" | "auto" };
}

/**
 * What CI would do with the work at this moment, by the workflows of the work itself, of every branch that it is proposed to, and of the
 * default branch. `commit`: in the run's repository, with the tree that leaves.
 */
export async function findCiReasons(
  parts: CiParts,
  run: RunRow,
  at: { pins: Pins; branch: string; commit: Sha; changed: readonly string[] },
): Promise<Reason[]> {
  const { owner, name: repo } = run.request;
  const { ci } = parts.publishing;
  if (ci === "auto") return [];
  await using fetcher = await parts.grants.mint("fetcher", scopeOf(run.id, run.request));
  const { data: repository } = await fetcher.api.rest.repos.get({ owner, repo });
  const reporter = await parts.grants.keep("reporter", scopeOf(run.id, run.request));
  const targets = new Set([at.pins.targetBranch, ...(await listTargets(reporter, { owner, repo, branch: at.branch }))]);
  const read = [await readOwnWorkflows(parts.git, run.id, at.commit)];
  for (const branch of new Set([...targets, repository.default_branch]))
    read.push(await readTheirWorkflows(fetcher.api, { owner, repo, branch }));
  return decideGate({ ci, read, push: { branch: at.branch, targets: [...targets] }, changed: at.changed });
}

/** A push to a branch starts the workflows of every pull request that is open from it, not of the run's own alone. */
async function listTargets(api: Api, of: { owner: string; repo: string; branch: string }): Promise<string[]> {
  const { owner, repo, branch } = of;
  const { data } = await api.rest.pulls.list({ owner, repo, head: `${owner}:${branch}`, state: "open", per_page: 100 });
  return data.filter(({ head }) => head.ref === branch).map(({ base }) => base.ref);
}
