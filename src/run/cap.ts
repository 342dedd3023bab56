import type { Ending } from "./state.ts";
import { printUtc } from "./waiting.ts";

/** Whose money a cap is on. Purses are made in this order by everybody. */
export const capScopes = ["deployment", "repository", "actor"] as const;
export type CapScope = (typeof capScopes)[number];

/** Calendar periods, UTC. */
export const capPeriods = ["day", "month"] as const;
export type CapPeriod = (typeof capPeriods)[number];

/** What may be spent over all runs of a repository, of a person, or of this Airlock. In millionths of a US dollar. */
export interface Cap {
  scope: CapScope;
  per: CapPeriod;
  microUsd: number;
}

/** Whom a call is booked to, by GitHub's ids. Neither: a trial of the operator's, for which the deployment alone pays. */
export interface Payers {
  repositoryId?: number;
  actorId?: number;
}

/** Whose money is counted, and over what. `owner`: GitHub's id; 0 for the deployment. */
export interface PurseKey {
  scope: CapScope;
  owner: number;
  per: CapPeriod;
  /** "2026-11-26", "2026-11". */
  period: string;
}

export interface Purse extends PurseKey {
  spentMicroUsd: number;
  /** For calls that are under way: the most that each can cost. */
  reservedMicroUsd: number;
}

/** A cap that has no room for one more call, and until when. Epoch milliseconds. */
export interface CapReached {
  scope: CapScope;
  per: CapPeriod;
  untilMs: number;
}

export type CapVerdict =
  /** `size`: which of those that were asked for. */
  | { is: "granted"; size: number }
  /** There is room once calls that are under way have ended for less than they may. */
  | { is: "busy" }
  | { is: "over"; cap: CapReached };

/** Pure. The period that a moment is in, by its name, and when it ends. */
export function periodAt(per: CapPeriod, atMs: number): { period: string; untilMs: number } {
  const at = new Date(atMs);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return per === "day"
    ? { period: at.toISOString().slice(0, 10), untilMs: Date.UTC(year, month, day + 1) }
    : { period: at.toISOString().slice(0, 7), untilMs: Date.UTC(year, month + 1) };
}

/** Pure. Every purse that a call at this moment is booked to, capped or not: a cap that is set later counts what was spent before it. */
export function pursesOf({ repositoryId, actorId }: Payers, atMs: number): PurseKey[] {
  const owners: Record<CapScope, number | undefined> = { deployment: 0, repository: repositoryId, actor: actorId };
  return capScopes.flatMap((scope) =>
    capPeriods.flatMap((per) => {
      const owner = owners[scope];
      return owner === undefined ? [] : [{ scope, owner, per, period: periodAt(per, atMs).period }];
    }),
  );
}

/**
 * Pure. Whether one more call may be paid for. `sizes`: the most that it can cost, by how long its answer may become, the dearest first. As long
 * as it is not `late`, the first that would fit is waited for where only calls under way are in its way.
 */
export function decideReserve(of: {
  purses: readonly Purse[];
  caps: readonly Cap[];
  sizes: readonly number[];
  late: boolean;
  nowMs: number;
}): CapVerdict {
  const { purses, caps, sizes, late, nowMs } = of;
  const reached = (microUsd: number, beside: boolean) => findReached({ purses, caps, microUsd, beside, nowMs });
  if (sizes.length === 0) throw new Error("nothing is asked for");
  const least = reached(Math.min(...sizes), false);
  if (least) return { is: "over", cap: least };
  const alone = sizes.findIndex((size) => !reached(size, false));
  const size = late ? sizes.findIndex((each) => !reached(each, true)) : alone;
  return size >= 0 && !reached(sizes[size] ?? 0, true) ? { is: "granted", size } : { is: "busy" };
}

/** Pure. The cap that leaves no room for so much; of several the one whose period ends last: before that, asking again would not help. */
export function findReached(of: {
  purses: readonly Purse[];
  caps: readonly Cap[];
  microUsd: number;
  /** Beside what is reserved for calls under way. */
  beside: boolean;
  nowMs: number;
}): CapReached | undefined {
  const reached = of.caps.flatMap(({ scope, per, microUsd: most }) => {
    const { period, untilMs } = periodAt(per, of.nowMs);
    if (!of.purses.some((purse) => purse.scope === scope)) return [];
    const purse = of.purses.find((each) => each.scope === scope && each.period === period);
    // A purse that was not looked into is no reason to let a call pass.
    if (!purse) throw new Error(`the purse of the ${scope} for ${period} is missing`);
    const counted = purse.spentMicroUsd + (of.beside ? purse.reservedMicroUsd : 0);
    return counted + of.microUsd > most ? [{ scope, per, untilMs }] : [];
  });
  return reached.sort((a, b) => b.untilMs - a.untilMs || Number(b.per === "month") - Number(a.per === "month"))[0];
}

/** Pure. What of a cap is told to the agent and on GitHub. No amounts: what is spent elsewhere is the operator's to know. */
export function printReached({ scope, per, untilMs }: CapReached): string {
  return `${capWords[scope].of} is used up for this ${per}, which ends at ${printUtc(untilMs)}`;
}

/** The operator's setting for it. */
export function settingOf(scope: CapScope): CapSetting {
  return capWords[scope].setting;
}

/** Pure. How a run ends that a cap leaves no room for. `begun`: it has worked. */
export function capEnding(cap: CapReached, begun: boolean): Ending {
  const kept = begun ? " What was done so far is kept as a patch on the run's page." : "";
  return {
    outcome: "over_budget",
    reason: {
      code: `budget.${cap.scope}-${cap.per}`,
      words: `${sentence(printReached(cap))}.`,
      remedy: `Ask again after that, or raise ${settingOf(cap.scope)}.${kept}`,
    },
  };
}

type CapSetting = "AIRLOCK_BUDGET_USD" | "AIRLOCK_REPOSITORY_BUDGET_USD" | "AIRLOCK_ACTOR_BUDGET_USD";

const capWords: Readonly<Record<CapScope, { of: string; setting: CapSetting }>> = {
  deployment: { of: "the budget of this Airlock", setting: "AIRLOCK_BUDGET_USD" },
  repository: { of: "the budget of this repository", setting: "AIRLOCK_REPOSITORY_BUDGET_USD" },
  actor: { of: "the budget of the person who asked", setting: "AIRLOCK_ACTOR_BUDGET_USD" },
};

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
