import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { firstError, isPassing, retryAfterMsOf } from "../github/api.ts";
import { isPostponed } from "../run/clock.ts";
import { decide } from "../run/decide.ts";
import { evolve } from "../run/evolve.ts";
import type { Fact } from "../run/fact.ts";
import type { RunId } from "../run/identity.ts";
import type { Seen } from "../run/seen.ts";
import type { Step } from "../run/step.ts";
import type { Changes } from "../store/changes.ts";
import { appendFact, markReported, postponeRun } from "../store/queries/facts.ts";
import { type Claimant, claimRun, releaseIfElsewhere, returnRun } from "../store/queries/lease.ts";
import { findRun, type RunRow } from "../store/queries/runs.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import { decideStumble } from "./stumble.ts";

/** Each step's effect. A new Step does not compile until somebody performs it. Answers the fact that it made true, if any. */
export type Perform = { [K in Step["do"]]: (run: RunRow, step: Extract<Step, { do: K }>) => Promise<Fact | undefined> };

export interface LoopParts {
  db: Kysely<Schema>;
  queue: Queue;
  changes: Changes;
  /** Names this process and its machine in leases. */
  claimant: Claimant;
  /** Whether this process may say of another machine that it is lost: see heartbeat.ts. */
  mayJudge(): boolean;
  /** Takes from whoever held the run before, and may only be slow, what it could still act with. */
  cutOff(run: RunId): Promise<void>;
  observe(run: RunRow): Promise<Seen>;
  perform: Perform;
  log: Logger;
  nowMs(): number;
}

/** No longer than a machine may be silent: a run is not kept by a lease whose machine is lost. */
export function leaseMsOf({ lostAfterMs }: Claimant): number {
  return Math.min(30_000, lostAfterMs);
}

/** `elsewhere`: another process might do what this one may not. */
export interface Passed {
  wakeAtMs?: number;
  elsewhere?: true;
}

/**
 * Carries a run as far as it goes now: observe, decide, perform, evolve, until the decision is to wait. Any process may call this at
 * any time for any run; a run that somebody else holds is left alone. `closing`: begin no further step, the next process goes on.
 */
export async function passRun(parts: LoopParts, id: RunId, closing: () => boolean = () => false): Promise<Passed> {
  const { db, nowMs, claimant } = parts;
  // All of time: no machine that was ever heard of is lost.
  const lostAfterMs = parts.mayJudge() ? claimant.lostAfterMs : nowMs();
  const claimed = await claimRun(db, { ...claimant, lostAfterMs, run: id, nowMs: nowMs(), leaseMs: leaseMsOf(claimant) });
  if (!claimed) return { elsewhere: true };
  const { fence, takenFrom } = claimed;
  try {
    if (takenFrom !== undefined) await parts.cutOff(id);
  } catch (error) {
    await returnRun(db, { run: id, holder: claimant.holder, to: takenFrom as string });
    throw error;
  }
  try {
    return await carry(parts, { id, fence, closing });
  } finally {
    await releaseIfElsewhere(db, { ...claimant, run: id });
  }
}

async function carry(parts: LoopParts, of: { id: RunId; fence: number; closing: () => boolean }): Promise<Passed> {
  const { db, nowMs } = parts;
  const { id, fence } = of;
  // A bound, so that a decision that never comes to rest shows itself instead of spinning.
  for (let i = 0; i < 100; i++) {
    const run = await findRun(db, id);
    if (!run || run.state.at === "ended" || run.fence !== fence || of.closing()) return {};
    if (isPostponed(run, nowMs())) return { wakeAtMs: run.notBeforeMs };
    const step = decide(run.state, await parts.observe(run), nowMs());
    if (step.do === "wait") {
      const waits = run.state.at === "queued" || run.state.at === "waiting";
      const anywhere = waits && run.machine === undefined && { elsewhere: true as const };
      return { ...anywhere, ...(step.untilMs !== undefined && { wakeAtMs: step.untilMs }) };
    }
    const fact = await performStep(parts, run, step);
    if (fact === "postponed") continue;
    if (fact) await appendFact(db, parts.queue, { run: id, fence, fact, state: evolve(run.state, fact), nowMs: nowMs() });
    parts.changes.touch(id);
  }
  parts.log.error({ runId: id }, "run does not come to rest");
  return {};
}

async function performStep(parts: LoopParts, run: RunRow, step: Step): Promise<Fact | undefined | "postponed"> {
  const startedAtMs = parts.nowMs();
  const log = parts.log.child({ runId: run.id, at: run.state.at, step: step.do });
  try {
    const perform = parts.perform[step.do] as (run: RunRow, step: Step) => Promise<Fact | undefined>;
    const fact = await perform(run, step);
    log.info({ fact: fact?.is, tookMs: parts.nowMs() - startedAtMs }, "step performed");
    return fact;
  } catch (thrown) {
    const error = firstError(thrown);
    if (step.do === "report" && isPassing(error)) {
      log.warn({ err: error }, "progress not told");
      // Told later: neither the deadline nor a stop waits for it, and no work is given up because GitHub is away meanwhile.
      const nextAtMs = parts.nowMs() + retryAfterMsOf(error, parts.nowMs());
      await markReported(parts.db, { run: run.id, fence: run.fence, digest: run.reported ?? "", nowMs: nextAtMs });
      return undefined;
    }
    const stumble = decideStumble(error, { place: run.state.at, tries: run.tries, nowMs: parts.nowMs() });
    log.warn({ err: error, next: stumble.is, tries: run.tries }, "step failed");
    if (stumble.is === "leave") return "postponed";
    if (stumble.is === "give-up") return { is: "failed", reason: stumble.reason };
    await postponeRun(parts.db, {
      run: run.id,
      fence: run.fence,
      tries: run.tries + 1,
      notBeforeMs: parts.nowMs() + stumble.afterMs,
      nowMs: parts.nowMs(),
    });
    return "postponed";
  }
}
