import type { RunId } from "../run/identity.ts";
import { waitingDeliveries } from "../store/queries/deliveries.ts";
import { releaseLeases, renewLeases } from "../store/queries/lease.ts";
import { activeRuns } from "../store/queries/runs.ts";
import { type LoopParts, leaseMsOf, passRun } from "./loop.ts";

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
  /** By another process, which must not be asked in return. */
  asked: boolean;
  done: PromiseWithResolvers<void>;
}

/**
 * Wakes runs and deliveries: from the queue at once, from timers when a deadline comes, and every few seconds whatever is open,
 * so that a wake-up that was lost costs seconds and not the run.
 */
export async function startWorker(
  parts: LoopParts & {
    handleDelivery(id: string): Promise<void>;
    /** Tells the others that this machine lives. */
    beat(): Promise<void>;
    tidy(): Promise<void>;
    atOnce: number;
    tickMs: number;
  },
): Promise<Worker> {
  const { db, queue, claimant, changes, log } = parts;
  const { holder, machine } = claimant;
  const turns = new Map<RunId, Turn>();
  const timers = new Map<RunId, NodeJS.Timeout>();
  let closing = false;

  const pass = async (id: RunId, asked: boolean) => {
    clearTimeout(timers.get(id));
    timers.delete(id);
    const { wakeAtMs, elsewhere } = await passRun(parts, id, () => closing);
    // The wake-up came to one process of many, which need not be the one that can do something about it.
    if (elsewhere && !asked) changes.ask(id);
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
  const inTurn = async (id: RunId, asked = false): Promise<void> => {
    const known = turns.get(id);
    if (known) {
      known.again = true;
      known.asked &&= asked;
      return;
    }
    const turn: Turn = { again: true, asked, done: Promise.withResolvers() };
    turns.set(id, turn);
    while (turn.again && !closing) {
      turn.again = false;
      await pass(id, turn.asked).catch((error: unknown) => log.error({ err: error, runId: id }, "pass failed"));
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

  changes.onAsked((id) => void inTurn(id, true));
  await queue.work({ run: (id) => inTurn(id), delivery: wakeDelivery, atOnce: parts.atOnce });
  let ticks = 0;
  const tick = async () => {
    await parts.beat();
    await renewLeases(db, holder, parts.nowMs() + leaseMsOf(claimant));
    for (const id of await waitingDeliveries(db)) await queue.wakeDelivery(id);
    // Those of other machines are woken there, or when that machine is lost: asked for seldom, since nobody knows before the claim.
    const open = (await activeRuns(db)).filter((run) => run.machine === undefined || run.machine === machine || ticks % 2 === 0);
    for (const run of open) await queue.wakeRun(run.id);
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
      changes.onAsked(() => {});
      clearInterval(ticker);
      for (const timer of timers.values()) clearTimeout(timer);
      await idle();
      await releaseLeases(db, holder);
    },
  };
}
