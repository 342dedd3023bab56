import { type Kysely, sql } from "kysely";
import { Fault } from "../fault.ts";
import type { Seal } from "../secret/seal.ts";
import type { Schema } from "./schema.ts";

/** Leases and heartbeats are compared between machines: so far their clocks may differ. */
export const clockMs = 5_000;

/**
 * Refuses a machine that would do harm to the others of its database: one that cannot open what they sealed, or whose clock would make it
 * take their runs, or lose its own. Throws Fault "store.other-seal", "store.clock".
 */
export async function demandLikeOthers(db: Kysely<Schema>, { seal, nowMs }: { seal: Seal; nowMs(): number }): Promise<void> {
  const own = seal.name("fingerprint", "").toString("hex").slice(0, 16);
  await db
    .insertInto("marks")
    .values({ name: "seal", text: own })
    .onConflict((c) => c.doNothing())
    .execute();
  const { text } = await db.selectFrom("marks").select("text").where("name", "=", "seal").executeTakeFirstOrThrow();
  if (text !== own)
    throw new Fault("store.other-seal", "This machine's keys/seal.key is not the one that the database's other machines have", {
      remedy:
        "Copy keys/seal.key from the data folder of a machine that works on this database. Where it is lost, stop all of them and delete the row 'seal' of the table marks: tokens that were stored end by themselves within an hour",
    });
  const offMs = await readClockOffMs(db, nowMs);
  if (Math.abs(offMs) <= clockMs) return;
  throw new Fault("store.clock", `This machine's clock differs from the database server's by ${Math.abs(offMs / 1000)} seconds`, {
    remedy: "Let both keep their time by NTP, then start again",
  });
}

/** By how much the database server's clock is ahead of ours, at least: 0 where it is within the time that the question took. */
export async function readClockOffMs(db: Kysely<Schema>, nowMs: () => number): Promise<number> {
  const beforeMs = nowMs();
  const { rows } = await sql<{ ms: number }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms`.execute(db);
  const afterMs = nowMs();
  const theirsMs = Number(rows[0]?.ms);
  return theirsMs > afterMs ? theirsMs - afterMs : Math.min(0, theirsMs - beforeMs);
}
