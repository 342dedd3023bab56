import { type Api, firstError, isPassing } from "../github/api.ts";
import { scopeOf } from "../github/grant.ts";
import { decideMoved, type Exposure } from "../run/exposure.ts";
import { findPaper, putPaper } from "../store/queries/papers.ts";
import { ownerOfTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { House } from "./house.ts";

/** Before a sandbox is lent a token: what that opens, and where all refs stand. Once for each run. Throws what passes. */
export async function noteExposure(house: House, run: RunRow, branch: string): Promise<void> {
  if ((await findPaper(house.db, run.id, "exposure")) !== undefined) return;
  const { owner, name: repo } = run.request;
  await using fetcher = await house.grants.mint("fetcher", scopeOf(run.id, run.request));
  const { api } = fetcher;
  const isProtected = await orUnknown(async () => (await api.rest.repos.getBranch({ owner, repo, branch })).data.protected);
  const refs = await orUnknown(() => readRefs(api, { owner, repo }));
  const exposure: Exposure = {
    branch,
    ...(isProtected !== undefined && { protected: isProtected }),
    ...(refs && { refs }),
  };
  await putPaper(house.db, { run: run.id, fence: run.fence, kind: "exposure", text: JSON.stringify(exposure) });
}

/** When the sandbox's token is dead: what is not where it was, but for what this App moved itself. */
export async function noteMoved(house: House, run: RunRow): Promise<void> {
  const paper = await findPaper(house.db, run.id, "exposure");
  if (paper === undefined) return;
  const { refs: before } = JSON.parse(paper) as Exposure;
  if (!before) return;
  try {
    const { owner, name: repo, repositoryId } = run.request;
    await using fetcher = await house.grants.mint("fetcher", scopeOf(run.id, run.request));
    const all = decideMoved(before, await readRefs(fetcher.api, { owner, repo }));
    const moved = [];
    for (const one of all) {
      const branch = /^refs\/heads\/(.+)$/.exec(one.ref)?.[1];
      const ours = branch !== undefined && one.to !== undefined && (await ownerOfTip(house.db, repositoryId, branch, one.to));
      if (!ours) moved.push(one);
    }
    await putPaper(house.db, { run: run.id, fence: run.fence, kind: "moved", text: JSON.stringify(moved) });
  } catch (error) {
    // The report says that it could not be compared.
    house.log.warn({ err: error, runId: run.id }, "refs are not compared");
  }
}

/** Undefined where GitHub refuses for good: that it is not known is said. */
async function orUnknown<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isPassing(firstError(error))) throw error;
    return undefined;
  }
}

async function readRefs(api: Api, at: { owner: string; repo: string }): Promise<Record<string, string>> {
  const refs: Record<string, string> = {};
  // All that begin so, in one answer: GitHub does not page these.
  for (const ref of ["heads/", "tags/"])
    for (const one of (await api.rest.git.listMatchingRefs({ ...at, ref })).data) refs[one.ref] = one.object.sha;
  return refs;
}
