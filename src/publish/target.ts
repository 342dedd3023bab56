import { Fault } from "../fault.ts";
import { statusOf } from "../github/api.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Pins } from "../run/request.ts";
import type { RunRow } from "../store/queries/runs.ts";

/**
 * ◆ Where the pull request goes when GitHub did not open it into its target: nowhere else while the target is there; into the default branch
 * where that has what the work began on, as it has when the target was renamed (main, trunk).
 */
export function decideTarget(seen: {
  target: string;
  exists: boolean;
  defaultBranch: string;
  /** The default branch contains the commit that the work began on. */
  holdsBase: boolean;
}): { is: "as-asked" } | { is: "instead"; branch: string } | { is: "gone" } {
  if (seen.exists) return { is: "as-asked" };
  if (seen.defaultBranch === seen.target || !seen.holdsBase) return { is: "gone" };
  return { is: "instead", branch: seen.defaultBranch };
}

/** Another branch that the pull request may go into; undefined where the target is there. Throws Fault "publish.target-gone". */
export async function findOtherTarget(
  parts: { grants: Grants },
  run: RunRow,
  { pins, branch }: { pins: Pins; branch: string },
): Promise<string | undefined> {
  const { owner, name: repo } = run.request;
  const { targetBranch: target, baseSha } = pins;
  await using fetcher = await parts.grants.mint("fetcher", scopeOf(run.id, run.request));
  const { rest } = fetcher.api;
  const orMissing = async (read: Promise<unknown>) =>
    read.catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
      return undefined;
    });
  const exists = (await orMissing(rest.git.getRef({ owner, repo, ref: `heads/${target}` }))) !== undefined;
  const { default_branch: defaultBranch } = (await rest.repos.get({ owner, repo })).data;
  const basehead = `${baseSha}...${defaultBranch}`;
  const compared = exists
    ? undefined
    : await orMissing(rest.repos.compareCommitsWithBasehead({ owner, repo, basehead, per_page: 1 }));
  const status = (compared as { data: { status: string } } | undefined)?.data.status;
  const decision = decideTarget({ target, exists, defaultBranch, holdsBase: status === "ahead" || status === "identical" });
  if (decision.is === "as-asked") return undefined;
  if (decision.is === "instead") return decision.branch;
  throw new Fault("publish.target-gone", `The branch ${target} that the work was to go into does not exist any more`, {
    remedy: `The work is pushed to the branch ${branch}: open a pull request from there into the branch that it is for`,
  });
}
