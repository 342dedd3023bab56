import { type Kysely, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { Fault } from "../fault.ts";
import * as first from "./migrations/0001-first.ts";
import * as evidenceChain from "./migrations/0002-evidence-chain.ts";
import * as edits from "./migrations/0003-edits.ts";
import * as deliveryLog from "./migrations/0004-delivery-log.ts";
import * as evidenceTimes from "./migrations/0005-evidence-times.ts";
import * as pauses from "./migrations/0006-pauses.ts";
import * as budgets from "./migrations/0007-budgets.ts";
import * as machines from "./migrations/0008-machines.ts";
import * as homes from "./migrations/0009-homes.ts";
import type { Schema } from "./schema.ts";
import { holdsRows } from "./tables.ts";

/** By name, in their order. */
export const migrations = {
  "0001-first": first,
  "0002-evidence-chain": evidenceChain,
  "0003-edits": edits,
  "0004-delivery-log": deliveryLog,
  "0005-evidence-times": evidenceTimes,
  "0006-pauses": pauses,
  "0007-budgets": budgets,
  "0008-machines": machines,
  "0009-homes": homes,
};

/**
 * Brings the schema forward. `backUp` is called before a schema that holds rows is changed; where it fails, nothing is. Throws Fault
 * "store.newer" on a store that a newer Airlock has written, "store.migration" otherwise, and what `backUp` throws.
 */
export async function migrate(db: Kysely<Schema>, { backUp }: { backUp?: (next: string) => Promise<void> } = {}): Promise<void> {
  const done = await listMigrations(db);
  const next = Object.keys(migrations).find((name) => !done.includes(name));
  if (backUp && next !== undefined && done.length > 0 && isKnown(done) && (await holdsRows(db))) await backUp(next);
  const { error } = await createMigrator(db).migrateToLatest();
  if (!error) return;
  if (!isKnown(await listMigrations(db))) throw newerStore("The data folder was written by a newer Airlock", error);
  throw new Fault("store.migration", "The store could not be brought to this version", {
    remedy: "Start the version before; ./airlock restore has the backup that was made for it. Report this message",
    cause: error,
  });
}

/** Makes the tables of an empty store as these migrations left them. Throws Fault "store.newer". */
export async function migrateTo(db: Kysely<Schema>, done: readonly string[]): Promise<void> {
  if (!isKnown(done)) throw newerStore("It was written by a newer Airlock");
  const last = done.at(-1);
  if (last === undefined) return;
  const { error } = await createMigrator(db).migrateTo(last);
  if (error) throw error;
}

/** Those that the store has behind it, oldest first. */
export async function listMigrations(db: Kysely<Schema>): Promise<string[]> {
  const { rows: there } = await sql`select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relname = 'kysely_migration'`.execute(db);
  if (there.length === 0) return [];
  return (await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)).rows.map(({ name }) => name);
}

/** Whether these are all that this version would make. */
export function isLatest(done: readonly string[]): boolean {
  return done.join() === Object.keys(migrations).join();
}

function isKnown(done: readonly string[]): boolean {
  return done.every((name) => Object.hasOwn(migrations, name));
}

function createMigrator(db: Kysely<Schema>): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } });
}

function newerStore(message: string, cause?: unknown): Fault {
  return new Fault("store.newer", message, {
    remedy: "Start that newer version, or restore a backup from before the upgrade",
    cause,
  });
}
