import { type Kysely, sql, type Transaction } from "kysely";
import type { Queue } from "../queue.ts";
import type { Schema } from "../schema.ts";
import { storableJson, storableText } from "../text.ts";

export interface Delivery {
  id: string;
  event: string;
  payload: Record<string, unknown>;
  /** When its first byte was here; when GitHub sent it, where it was found in GitHub's log. */
  receivedAtMs: number;
  /** GitHub may have done with it before, in a life of this App that the store does not know of. */
  fromLog?: boolean;
}

/**
 * Stores the delivery and wakes its handling in one transaction: what is acknowledged is never lost. A known id changes nothing, unless
 * its handling was given up: who has it delivered again has mended what was in its way.
 */
export async function addDelivery(db: Kysely<Schema>, queue: Queue, delivery: Delivery): Promise<"new" | "known"> {
  return db.transaction().execute(async (trx) => {
    const added = await trx
      .insertInto("deliveries")
      .values({
        id: delivery.id,
        event: delivery.event,
        received_at_ms: delivery.receivedAtMs,
        payload: storableJson(delivery.payload),
        state: "received",
        note: null,
        ...{ from_log: delivery.fromLog ?? false, holder: null, lease_until_ms: 0 },
      })
      .onConflict((c) => c.column("id").doNothing())
      .returning("id")
      .executeTakeFirst();
    if (!added)
      await trx
        .updateTable("deliveries")
        .set({ state: "received", note: null })
        .where("id", "=", delivery.id)
        .where("state", "=", "handled")
        .where("note", "like", `${givenUp}%`)
        .execute();
    // A known one is woken as well: GitHub redelivers what was received but may not have been handled.
    await queue.wakeDelivery(delivery.id, trx);
    return added ? "new" : "known";
  });
}

/** How the note of a delivery begins whose handling was refused for good. */
export const givenUp = "given up: ";

/** Which of these are here, handled or not. */
export async function knownDeliveries(db: Kysely<Schema>, ids: readonly string[]): Promise<Set<string>> {
  const known = new Set<string>();
  // PostgreSQL takes 65,535 parameters.
  for (let from = 0; from < ids.length; from += 1_000) {
    const some = ids.slice(from, from + 1_000);
    for (const { id } of await db.selectFrom("deliveries").select("id").where("id", "in", some).execute()) known.add(id);
  }
  return known;
}

/** The delivery, if it still waits to be handled. */
export async function findWaitingDelivery(db: Kysely<Schema>, id: string): Promise<Delivery | undefined> {
  const row = await db
    .selectFrom("deliveries")
    .selectAll()
    .where("id", "=", id)
    .where("state", "=", "received")
    .executeTakeFirst();
  return (
    row && {
      id: row.id,
      event: row.event,
      payload: row.payload,
      receivedAtMs: Number(row.received_at_ms),
      ...(row.from_log && { fromLog: true }),
    }
  );
}

/** Takes a waiting delivery for `holder`: two that handle it at once would both answer it. False where another has it. */
export async function claimDelivery(
  db: Kysely<Schema>,
  { id, holder, nowMs, leaseMs }: { id: string; holder: string; nowMs: number; leaseMs: number },
): Promise<boolean> {
  const row = await db
    .updateTable("deliveries")
    .set({ holder, lease_until_ms: nowMs + leaseMs })
    .where("id", "=", id)
    .where("state", "=", "received")
    .where((e) => e.or([e("holder", "is", null), e("holder", "=", holder), e("lease_until_ms", "<", nowMs)]))
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether somebody else than `holder` is handling it now. */
export async function isInOtherHands(
  db: Kysely<Schema>,
  { id, holder, nowMs }: { id: string; holder: string; nowMs: number },
): Promise<boolean> {
  const row = await db
    .selectFrom("deliveries")
    .select("id")
    .where("id", "=", id)
    .where("state", "=", "received")
    .where("holder", "<>", holder)
    .where("lease_until_ms", ">=", nowMs)
    .executeTakeFirst();
  return row !== undefined;
}

/** Lets it go again: it is tried another time, by anybody. */
export async function releaseDelivery(db: Kysely<Schema>, { id, holder }: { id: string; holder: string }): Promise<void> {
  await db.updateTable("deliveries").set({ holder: null }).where("id", "=", id).where("holder", "=", holder).execute();
}

export async function waitingDeliveries(db: Kysely<Schema>): Promise<string[]> {
  const rows = await db
    .selectFrom("deliveries")
    .select("id")
    .where("state", "=", "received")
    .orderBy("received_at_ms")
    .limit(1000)
    .execute();
  return rows.map((row) => row.id);
}

/** Whether something older about the same issue or pull request, from GitHub's log as well, was not handled yet. */
export async function olderWaits(
  db: Kysely<Schema>,
  { repositoryId, number, receivedAtMs }: { repositoryId: number; number: number; receivedAtMs: number },
): Promise<boolean> {
  const row = await db
    .selectFrom("deliveries")
    .select("id")
    .where("state", "=", "received")
    .where("from_log", "=", true)
    .where("received_at_ms", "<", receivedAtMs)
    .where(sql`payload->'repository'->>'id'`, "=", String(repositoryId))
    .where(sql`payload->'issue'->>'number'`, "=", String(number))
    .executeTakeFirst();
  return row !== undefined;
}

/** `note`: what came of it, for whoever looks for a delivery that did nothing. The first note stays. */
export async function markDeliveryHandled(db: Kysely<Schema> | Transaction<Schema>, id: string, note: string): Promise<void> {
  await db
    .updateTable("deliveries")
    .set({ state: "handled", note: storableText(note.slice(0, 500)) })
    .where("id", "=", id)
    .where("state", "=", "received")
    .execute();
}

/** When the delivery that made this run arrived. */
export async function findArrivalOfRun(db: Kysely<Schema>, run: string): Promise<number | undefined> {
  const row = await db.selectFrom("deliveries").select("received_at_ms").where("note", "=", `run ${run}`).executeTakeFirst();
  return row && Number(row.received_at_ms);
}
