import type { RunId } from "../run/identity.ts";
import { waitingDeliveries } from "../store/queries/deliveries.ts";
import { releaseLeases, renewLeases } from "../store/queries/lease.ts";
import { activeRuns } from "../store/queries/runs.ts";
import { type LoopParts, leaseMs, passRun } from "./loop.ts";

export interface Worker extends AsyncDisposable {
  /** Resolves when nothing is under way: for tests and for a graceful stop. */
  idle(): Promise<void>;
  /** Carries a stored delivery out now, or joins who does already. What fails is logged and waits for the next tick. */
  deliver(id: string): Promise<void>;
}

/** Tidying looks for what was left over; that can wait a minute or so. */
const ticksPerTidy = 12;

/** A run's passes under way. `again`: something happened since the last one began to look. */
interface Turn {
  again: boolean;
  done: PromiseWithResolvers<void>;
}

/**
 * Wakes runs and deliveries: from the queue at once, from timers when a deadline comes, and every few seconds whatever is open,
 * so that a wake-up that was lost costs seconds and not the run.
 */
export async function startWorker(
  parts: LoopParts & { handleDelivery(id: string): Promise<void>; tidy(): Promise<void>; atOnce: number; tickMs: number },
): Promise<Worker> {
  const { db, queue, holder, log } = parts;
  const turns = new Map<RunId, Turn>();
  const timers = new Map<RunId, NodeJS.Timeout>();
  let closing = false;

  const pass = async (id: RunId) => {
    clearTimeout(timers.get(id));
    timers.delete(id);
    const { wakeAtMs } = await passRun(parts, id, () => closing);
    if (wakeAtMs === undefined || closing) return;
    // setTimeout takes at most 2^31 ms; the tick looks again long before.
    const spanMs = Math.min(Math.max(wakeAtMs - parts.nowMs(), 10), 600_000);
    timers.set(
      id,
      setTimeout(() => void inTurn(id), spanMs),
    );
  };
  // One pass at a time for each run: two would observe the same and do the same twice. A wake-up that comes meanwhile is noted and
  // not waited for: the ticks alone would fill all of the queue's places behind one slow run, and no other would move.
  const inTurn = async (id: RunId): Promise<void> => {
    const known = turns.get(id);
    if (known) {
      known.again = true;
      return;
    }
    const turn: Turn = { again: true, done: Promise.withResolvers() };
    turns.set(id, turn);
    while (turn.again && !closing) {
      turn.again = false;
      await pass(id).catch((error: unknown) => log.error({ err: error, runId: id }, "pass failed"));
    }
    turns.delete(id);
    turn.done.resolve();
  };
  const inHand = new Map<string, Promise<void>>();
  const deliver = async (id: string): Promise<void> => {
    const under = inHand.get(id);
    if (closing || under) return under;
    const handling = parts
      .handleDelivery(id)
      .catch((error: unknown) => log.warn({ err: error, delivery: id }, "delivery not handled yet"))
      .finally(() => inHand.delete(id));
    inHand.set(id, handling);
    await handling;
  };
  // Ticks wake what waits: what is in hand already keeps no place of the queue.
  const wakeDelivery = async (id: string): Promise<void> => (inHand.has(id) ? undefined : deliver(id));

  await queue.work({ run: inTurn, delivery: wakeDelivery, atOnce: parts.atOnce });
  let ticks = 0;
  const tick = async () => {
    await renewLeases(db, holder, parts.nowMs() + leaseMs);
    for (const id of await waitingDeliveries(db)) await queue.wakeDelivery(id);
    for (const run of await activeRuns(db)) await queue.wakeRun(run.id);
    if (++ticks % ticksPerTidy === 0) await parts.tidy();
  };
  const ticking = () => void tick().catch((error: unknown) => log.error({ err: error }, "tick failed"));
  const ticker = setInterval(ticking, parts.tickMs);
  ticking();

  const idle = async () => {
    while (turns.size > 0) await Promise.all([...turns.values()].map(({ done }) => done.promise));
  };
  return {
    idle,
    deliver,
    [Symbol.asyncDispose]: async () => {
      closing = true;
      clearInterval(ticker);
      for (const timer of timers.values()) clearTimeout(timer);
      await idle();
      await releaseLeases(db, holder);
    },
  };
}
