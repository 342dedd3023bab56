import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { forgetSettled } from "./budgets.ts";

/** How long what is only looked back at is kept after a run's end, in milliseconds. */
export interface Retention {
  /** The transcript; deliveries, and what single calls did cost, as long. */
  eventsMs: number;
  /** The record of requests, what was spent by day and month, and the run's longer texts: prompt, patch, answer. */
  evidenceMs: number;
}

/** GitHub's own log of deliveries goes three days back: what is younger may come again and must be known. */
const shortestDeliveryMs = 4 * 24 * 3_600_000;

/**
 * Removes what is older than it is kept. The run itself stays, with its state, its timeline and what it was granted, and notes what was
 * removed. Idempotent. Answers how many runs lost something.
 */
export async function forgetOld(
  db: Kysely<Schema>,
  { retention, nowMs }: { retention: Retention; nowMs: number },
): Promise<number> {
  const endedBefore = (ms: number) =>
    db
      .selectFrom("runs")
      .select("id")
      .where("at", "=", "ended")
      .where("updated_at_ms", "<", nowMs - ms);
  return db.transaction().execute(async (trx) => {
    const events = await trx.deleteFrom("events").where("run", "in", endedBefore(retention.eventsMs)).returning("run").execute();
    const rows = await trx
      .deleteFrom("evidence")
      .where("run", "in", endedBefore(retention.evidenceMs))
      .returning("run")
      .execute();
    await trx
      .deleteFrom("papers")
      .where("run", "in", endedBefore(retention.evidenceMs))
      .where("kind", "<>", "forgotten")
      .execute();
    const lost = new Map(events.map(({ run }) => [run, "transcript"]));
    for (const { run } of rows) lost.set(run, "transcript and record");
    for (const [run, text] of lost)
      await trx
        .insertInto("papers")
        .values({ run, kind: "forgotten", text })
        .onConflict((c) => c.columns(["run", "kind"]).doUpdateSet({ text }))
        .execute();
    await trx
      .deleteFrom("deliveries")
      .where("state", "=", "handled")
      .where("received_at_ms", "<", nowMs - Math.max(retention.eventsMs, shortestDeliveryMs))
      .execute();
    await forgetSettled(trx, { reservationsMs: nowMs - retention.eventsMs, pursesMs: nowMs - retention.evidenceMs });
    return lost.size;
  });
}
