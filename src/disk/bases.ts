import type { GitHost } from "../git/client.ts";
import type { BaseState } from "../git/host/bases.ts";
import { type BaseName, familyOf, readGeneration } from "../git/names.ts";

export interface BasePlan {
  /** Not used for so long, or superseded. */
  stale: BaseState[];
  /** What may go where room is needed, the longest unused first. */
  spare: BaseState[];
  /** In so many packs that one would be smaller and quicker. */
  worn: BaseState[];
}

/** So many fetches leave as many packs, which are looked through one after the other. */
const mostPacks = 20;

/**
 * Pure. What may be done with bases on which no run's repository leans: such a one would lose objects that it counts on. `keepMs`: how long
 * one is kept after its last use.
 */
export function planBases(of: {
  bases: readonly BaseState[];
  borrowed: ReadonlySet<BaseName>;
  keepMs: number;
  nowMs: number;
}): BasePlan {
  const newest = new Map<string, number>();
  for (const { base } of of.bases) newest.set(familyOf(base), Math.max(readGeneration(base), newest.get(familyOf(base)) ?? 0));
  const free = of.bases.filter(({ base }) => !of.borrowed.has(base)).sort((a, b) => a.usedAtMs - b.usedAtMs);
  const isStale = ({ base, usedAtMs }: BaseState) =>
    of.nowMs - usedAtMs > of.keepMs || readGeneration(base) < (newest.get(familyOf(base)) ?? 0);
  const spare = free.filter((base) => !isStale(base));
  return { stale: free.filter(isStale), spare, worn: spare.filter(({ packs }) => packs > mostPacks) };
}

/** Looks at what there is. The bases come first and who leans on them second: a run that begins in between has noted its use since. */
export async function surveyBases(git: GitHost, of: { keepMs: number; nowMs: number }): Promise<BasePlan> {
  const bases = await git.listBases();
  const borrowed = new Set((await git.listRuns()).flatMap((run) => run.bases));
  return planBases({ ...of, bases, borrowed });
}
