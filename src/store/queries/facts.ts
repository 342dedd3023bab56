import { type Kysely, sql, type Transaction } from "kysely";
import type { Fact } from "../../run/fact.ts";
import type { RunId } from "../../run/identity.ts";
import type { Run } from "../../run/state.ts";
import type { Queue } from "../queue.ts";
import type { Schema } from "../schema.ts";
import { storableJson } from "../text.ts";
import { runLost } from "./lease.ts";

/**
 * Writes the fact, the state it led to, and a wake-up (of the run, or of the next one when it has ended), as one. Throws Fault "run.lost" when the run has changed hands since `fence`
 * was given: a writer that stalled past its lease must not move it.
 */
export async function appendFact(
  db: Kysely<Schema>,
  queue: Queue,
  input: { run: RunId; fence: number; fact: Fact; state: Run; nowMs: number },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await moveRun(trx, input);
    await trx
      .insertInto("facts")
      .values({
        run: input.run,
        seq: sql<number>`(select coalesce(max(seq), 0) + 1 from facts where run = ${input.run})`,
        at_ms: input.nowMs,
        fact: storableJson(input.fact),
      })
      .execute();
    // Its slot is free with this: whoever has waited longest for one need not wait for the next tick.
    const next =
      input.state.at === "ended" || input.fact.is === "rested" || input.fact.is === "put-away"
        ? await oldestQueued(trx)
        : input.run;
    if (next) await queue.wakeRun(next, trx);
  });
}

async function oldestQueued(trx: Transaction<Schema>): Promise<RunId | undefined> {
  const waiting = trx.selectFrom("runs").select("id").where("at", "=", "queued").orderBy("created_at_ms").orderBy("id");
  return (await waiting.limit(1).executeTakeFirst())?.id;
}

async function moveRun(
  trx: Transaction<Schema>,
  input: { run: RunId; fence: number; fact: Fact; state: Run; nowMs: number },
): Promise<void> {
  const uid = "slot" in input.state ? (input.state.slot?.uid ?? null) : null;
  const moved = await trx
    .updateTable("runs")
    .set({
      ...{ state: storableJson(input.state), at: input.state.at, uid, tries: 0, not_before_ms: 0, updated_at_ms: input.nowMs },
      // What it had there is lost: from now on any machine may take it.
      ...((input.fact.is === "moved" || input.fact.is === "sent-on") && { machine: null }),
    })
    .where("id", "=", input.run)
    .where("fence", "=", input.fence)
    .returning("id")
    .executeTakeFirst();
  if (!moved) throw runLost();
}

/** Notes that a step failed and may be tried again, not before the given time. `nowMs`: by which clock that is. */
export async function postponeRun(
  db: Kysely<Schema>,
  input: { run: RunId; fence: number; tries: number; notBeforeMs: number; nowMs: number },
): Promise<void> {
  await db
    .updateTable("runs")
    .set({ tries: input.tries, not_before_ms: input.notBeforeMs, updated_at_ms: input.nowMs })
    .where("id", "=", input.run)
    .where("fence", "=", input.fence)
    .execute();
}

/** Remembers what GitHub was last shown of the run, so that the same is not sent twice. */
export async function markReported(
  db: Kysely<Schema>,
  input: { run: RunId; fence: number; digest: string; nowMs: number },
): Promise<void> {
  await db
    .updateTable("runs")
    .set({ reported: input.digest, reported_at_ms: input.nowMs })
    .where("id", "=", input.run)
    .where("fence", "=", input.fence)
    .execute();
}

export async function factsOf(db: Kysely<Schema>, run: RunId): Promise<{ atMs: number; fact: Fact }[]> {
  const rows = await db.selectFrom("facts").select(["at_ms", "fact"]).where("run", "=", run).orderBy("seq").execute();
  return rows.map((row) => ({ atMs: Number(row.at_ms), fact: row.fact }));
}
