import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";

/** Until when a provider's limit keeps this credential waiting, as any machine found out. Epoch milliseconds. */
export async function findSharedLimit(db: Kysely<Schema>, credential: string, nowMs: number): Promise<number | undefined> {
  const row = await db
    .selectFrom("limits")
    .select("until_ms")
    .where("credential", "=", credential)
    .where("until_ms", ">", nowMs)
    .executeTakeFirst();
  return row && Number(row.until_ms);
}

/** Tells the other machines, so that they need not meet the same wall. The later of two holds. */
export async function shareLimit(db: Kysely<Schema>, credential: string, untilMs: number): Promise<void> {
  await db
    .insertInto("limits")
    .values({ credential, until_ms: untilMs })
    .onConflict((c) =>
      c.column("credential").doUpdateSet({ until_ms: sql<number>`greatest(limits.until_ms, excluded.until_ms)` }),
    )
    .execute();
}
