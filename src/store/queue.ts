import { setTimeout as wait } from "node:timers/promises";
import type { Kysely, Transaction } from "kysely";
import { fromKysely, type PgBoss } from "pg-boss";
import type { RunId } from "../run/identity.ts";
import type { Schema } from "./schema.ts";

/** Says which run, and which delivery, wants attention. The rows are the truth; a wake-up lost or doubled does no harm. */
export interface Queue {
  /** Inside the transaction that gave the reason, so that fact, state and wake-up are one. */
  wakeRun(run: RunId, within?: Transaction<Schema>): Promise<void>;
  wakeDelivery(id: string, within?: Transaction<Schema>): Promise<void>;
  /** Hands on wake-ups as they come, with at most `atOnce` of either kind in hand. The handlers never reject. */
  work(handlers: { run: (run: RunId) => Promise<void>; delivery: (id: string) => Promise<void>; atOnce: number }): Promise<void>;
  stop(): Promise<void>;
}

const runs = "runs";
const deliveries = "deliveries";

/** From when on a wake-up may be handed on. "Now" would come an hour late where the clock is set back meanwhile, and keep all others of its key. */
const longAgo = "-1 day";

export async function openQueue(boss: PgBoss, db: Kysely<Schema>): Promise<Queue> {
  await boss.start();
  // `short`: at most one queued wake-up per key, while another is at work. The loop owns retries: pg-boss must never start a second pass.
  for (const name of [runs, deliveries])
    if (!(await boss.getQueue(name)))
      await boss.createQueue(name, {
        policy: "short",
        notify: true,
        retryLimit: 0,
        expireInSeconds: 3600,
        deleteAfterSeconds: 3600,
      });
  const send = async (name: string, key: string, within?: Transaction<Schema>) => {
    await boss.send(name, { key }, { singletonKey: key, db: fromKysely(within ?? db), startAfter: longAgo });
  };
  const hands: Hands[] = [];
  return {
    wakeRun: (run, within) => send(runs, run, within),
    wakeDelivery: (id, within) => send(deliveries, id, within),
    async work(handlers) {
      const workOn = async <Key extends string>(name: string, handle: (key: Key) => Promise<void>) => {
        const own = createHands(handlers.atOnce);
        hands.push(own);
        await boss.work<{ key: Key }>(name, fetching, async (jobs) => {
          for (const { data } of jobs) await own.begin(() => handle(data.key));
        });
      };
      await workOn<RunId>(runs, handlers.run);
      await workOn<string>(deliveries, handlers.delivery);
    },
    async stop() {
      await boss.stop({ graceful: true, timeout: graceMs });
      await Promise.race([Promise.all(hands.map(({ rest }) => rest())), wait(graceMs, undefined, { ref: false })]);
    },
  };
}

/**
 * One that fetches, for all hands. Each new wake-up is called out to everyone who fetches, so that with one for each place a delivery
 * cost as many queries as there were places, nearly all in vain. By the handful, and on without a pause for as long as hands come back
 * full: two hundred deliveries that came at once took minutes.
 */
const fetching = { batchSize: 8, burstWhenBatchFull: true, pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 2 } as const;

const graceMs = 5_000;

interface Hands {
  /** Begins the work where fewer than the limit are under way, else when one of them has ended. Resolves when it has begun. */
  begin(work: () => Promise<void>): Promise<void>;
  /** Resolves when none is under way. */
  rest(): Promise<void>;
}

function createHands(limit: number): Hands {
  const busy = new Set<Promise<void>>();
  return {
    async begin(work) {
      while (busy.size >= limit) await Promise.race(busy);
      const one = work().finally(() => busy.delete(one));
      busy.add(one);
    },
    async rest() {
      await Promise.all(busy);
    },
  };
}
