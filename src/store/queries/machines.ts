import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { storableJson } from "../text.ts";

/** A machine whose worker shares this database. */
export interface MachineRow {
  machine: string;
  /** What a repository may ask for. */
  labels: string[];
  /** How many runs it takes at once. */
  places: number;
  version: string;
  sinceMs: number;
  seenAtMs: number;
}

/** The machine's heartbeat. */
export async function noteMachine(db: Kysely<Schema>, row: MachineRow): Promise<void> {
  const { machine, labels, places, version, sinceMs, seenAtMs } = row;
  const set = { labels: storableJson(labels), places, version, since_ms: sinceMs, seen_at_ms: seenAtMs };
  await db
    .insertInto("machines")
    .values({ machine, ...set })
    .onConflict((c) => c.column("machine").doUpdateSet(set))
    .execute();
}

/** Oldest first. */
export async function listMachines(db: Kysely<Schema>): Promise<MachineRow[]> {
  const rows = await db.selectFrom("machines").selectAll().orderBy("since_ms").orderBy("machine").execute();
  return rows.map(({ machine, labels, places, version, since_ms, seen_at_ms }) => {
    return { machine, labels, places, version, sinceMs: Number(since_ms), seenAtMs: Number(seen_at_ms) };
  });
}

/** Drops those that nobody has heard of for a long time and that have no open run. */
export async function forgetMachines(db: Kysely<Schema>, beforeMs: number): Promise<void> {
  await db
    .deleteFrom("machines")
    .where("seen_at_ms", "<", beforeMs)
    .where(({ not, exists, selectFrom, ref }) =>
      not(
        exists(
          selectFrom("runs").select("id").where("runs.machine", "=", ref("machines.machine")).where("runs.at", "<>", "ended"),
        ),
      ),
    )
    .execute();
}
