import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";

/** Takes or keeps what only one process at a time does for all: reading GitHub's log. False while another has it. */
export async function takeLease(
  db: Kysely<Schema>,
  { name, holder, nowMs, leaseMs }: { name: string; holder: string; nowMs: number; leaseMs: number },
): Promise<boolean> {
  const set = { holder, until_ms: nowMs + leaseMs };
  const row = await db
    .insertInto("leases")
    .values({ name, ...set })
    .onConflict((c) =>
      c.column("name").doUpdateSet(set).where(sql<boolean>`leases.holder = ${holder} or leases.until_ms < ${nowMs}`),
    )
    .returning("holder")
    .executeTakeFirst();
  return row !== undefined;
}

export async function dropLeases(db: Kysely<Schema>, holder: string): Promise<void> {
  await db.deleteFrom("leases").where("holder", "=", holder).execute();
}
