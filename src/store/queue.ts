import type { Kysely, Transaction } from "kysely";
import { fromKysely, type PgBoss } from "pg-boss";
import type { RunId } from "../run/identity.ts";
import type { Schema } from "./schema.ts";

/** Says which run, and which delivery, wants attention. The rows are the truth; a wake-up lost or doubled does no harm. */
export interface Queue {
  /** Inside the transaction that gave the reason, so that fact, state and wake-up are one. `afterMs`: not before that span. */
  wakeRun(run: RunId, within?: Transaction<Schema>, afterMs?: number): Promise<void>;
  wakeDelivery(id: string, within?: Transaction<Schema>): Promise<void>;
  work(handlers: { run: (run: RunId) => Promise<void>; delivery: (id: string) => Promise<void>; atOnce: number }): Promise<void>;
  stop(): Promise<void>;
}

const runs = "runs";
const deliveries = "deliveries";

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
  const send = async (name: string, key: string, within?: Transaction<Schema>, afterMs = 0) => {
    await boss.send(
      name,
      { key },
      { singletonKey: key, db: fromKysely(within ?? db), ...(afterMs > 0 && { startAfter: Math.ceil(afterMs / 1000) }) },
    );
  };
  return {
    wakeRun: (run, within, afterMs) => send(runs, run, within, afterMs),
    wakeDelivery: (id, within) => send(deliveries, id, within),
    async work(handlers) {
      const options = { pollingIntervalSeconds: 2, localConcurrency: handlers.atOnce };
      await boss.work<{ key: RunId }>(runs, options, async ([job]) => {
        if (job) await handlers.run(job.data.key);
      });
      await boss.work<{ key: string }>(deliveries, options, async ([job]) => {
        if (job) await handlers.delivery(job.data.key);
      });
    },
    stop: () => boss.stop({ graceful: true, timeout: 5_000 }),
  };
}
