import { scopeOf } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import { listMachines } from "../store/queries/machines.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { House } from "./house.ts";

/**
 * Takes a run over from a machine that is gone, or that only believes to have it still: its tokens die first, so that whatever stalled
 * there, and wakes up later, reaches GitHub no more. What it had pushed by then is found: the run goes on from there.
 */
export async function takeOver(house: House, run: RunRow): Promise<Fact> {
  await house.grants.revokeAll(run.id);
  house.log.warn({ runId: run.id, machine: run.machine, at: run.state.at }, "run taken over from a machine that is gone");
  if (run.state.at === "publishing") {
    const { rebuilt, stand } = run.state;
    const { owner, name: repo } = run.request;
    await using fetcher = await house.grants.mint("fetcher", scopeOf(run.id, run.request));
    const { data } = await fetcher.api.rest.git.listMatchingRefs({ owner, repo, ref: `heads/${stand.branch}` });
    const tip = data.find(({ ref }) => ref === `refs/heads/${stand.branch}`)?.object.sha;
    if (tip === rebuilt) return { is: "pushed", head: rebuilt };
  }
  // Nobody worked on it since: of its time only that is used up.
  const heard = (await listMachines(house.db)).find(({ machine }) => machine === run.machine)?.seenAtMs;
  return { is: "moved", atMs: Math.min(house.nowMs(), heard ?? house.nowMs()) };
}
