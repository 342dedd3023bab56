import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { Fault } from "../fault.ts";
import * as first from "./migrations/0001-first.ts";
import * as evidenceChain from "./migrations/0002-evidence-chain.ts";
import * as edits from "./migrations/0003-edits.ts";
import * as deliveryLog from "./migrations/0004-delivery-log.ts";
import type { Schema } from "./schema.ts";

const migrations = {
  "0001-first": first,
  "0002-evidence-chain": evidenceChain,
  "0003-edits": edits,
  "0004-delivery-log": deliveryLog,
};

/** Brings the schema forward. Throws Fault "store.newer" on a store that a newer Airlock has written, "store.migration" otherwise. */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (!error) return;
  const known = new Set(Object.keys(migrations));
  const done = await db
    .selectFrom("kysely_migration" as never)
    .select("name" as never)
    .execute()
    .catch(() => []);
  if ((done as { name: string }[]).some((row) => !known.has(row.name)))
    throw new Fault("store.newer", "The data folder was written by a newer Airlock", {
      remedy: "Start that newer version, or restore a backup from before the upgrade",
      cause: error,
    });
  throw new Fault("store.migration", "The store could not be brought to this version", {
    remedy: "Restore the last backup of AIRLOCK_DATA and report this message",
    cause: error,
  });
}
