import { type Kysely, sql, type Transaction } from "kysely";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

/** The uids that the sandbox image's passwd names. */
export interface UidRange {
  first: number;
  count: number;
}

/** True where the run is among the oldest waiting ones that the free slots suffice for. */
export async function slotIsFree(db: Kysely<Schema>, run: RunId, limit: number): Promise<boolean> {
  const { taken, runs } = await countTaken(db);
  // Taken by an attempt that did not live to write it down: no other run can have it, so waiting for it would never end.
  if (runs.has(run)) return true;
  const waiting = await db
    .selectFrom("runs")
    .select("id")
    .where("at", "=", "queued")
    .orderBy("created_at_ms")
    .orderBy("id")
    .limit(Math.max(0, limit - taken))
    .execute();
  return waiting.some((row) => row.id === run);
}

/**
 * Takes a slot for the run, or answers undefined where none is free any more. The advisory lock makes counting and taking one step,
 * so that the limit holds under many workers.
 */
export async function takeUid(
  db: Kysely<Schema>,
  input: { run: RunId; fence: number; limit: number; range: UidRange },
): Promise<number | undefined> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(7303001)`.execute(trx);
    const own = await trx.selectFrom("runs").select("uid").where("id", "=", input.run).executeTakeFirst();
    if (own?.uid) return own.uid;
    const { taken, uids } = await countTaken(trx);
    if (taken >= input.limit) return undefined;
    const uid = Array.from({ length: input.range.count }, (_, i) => input.range.first + i).find(
      (candidate) => !uids.has(candidate),
    );
    if (uid === undefined) return undefined;
    const row = await trx
      .updateTable("runs")
      .set({ uid })
      .where("id", "=", input.run)
      .where("fence", "=", input.fence)
      .returning("uid")
      .executeTakeFirst();
    return row?.uid ?? undefined;
  });
}

async function countTaken(
  db: Kysely<Schema> | Transaction<Schema>,
): Promise<{ taken: number; uids: Set<number>; runs: Set<RunId> }> {
  const rows = await db.selectFrom("runs").select(["id", "uid"]).where("uid", "is not", null).execute();
  const uids = new Set(rows.flatMap((row) => row.uid ?? []));
  return { taken: uids.size, uids, runs: new Set(rows.map((row) => row.id)) };
}
