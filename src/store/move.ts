import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Kysely, sql, type Transaction } from "kysely";
import { Fault } from "../fault.ts";
import type { Secret } from "../secret/secret.ts";
import { lockMachine } from "./database-lock.ts";
import { ensureStoreFolder, openEmbedded } from "./embedded.ts";
import { findMoved, type Moved, placeName, placeRestored } from "./folder.ts";
import { lockFolder } from "./lock.ts";
import { ensureMachineName } from "./machine-name.ts";
import { migrate } from "./migrations.ts";
import { openPostgres } from "./postgres.ts";
import { putRows, readRows } from "./rows.ts";
import type { Schema } from "./schema.ts";
import { countRows, listTables, setSequence } from "./tables.ts";

export interface MoveWish {
  /** The data folder. */
  folder: string;
  databaseUrl: Secret;
  /** For the name under which the embedded store is set aside. */
  stamp: string;
  /** Before the embedded store is brought to this version, where it is of an older one. */
  backUp(db: Kysely<Schema>, next: string): Promise<void>;
}

export interface Move {
  /** Rows on the server that came from here. */
  rows: number;
  /** Where the embedded store is now. */
  aside: string;
}

/**
 * Moves an embedded store's rows to a PostgreSQL server, all in one transaction, and sets the store aside. Killed at any point it is
 * repeated: before the commit nothing is there, and after it the server itself says what it has. Wake-ups are not moved: the App's ticks
 * wake everything that is open. Throws Fault "store.held", "move.nothing", "move.not-empty", "store.moved", "store.unavailable",
 * "store.too-old", "store.newer".
 */
export async function moveStore(wish: MoveWish): Promise<Move> {
  const folder = join(wish.folder, "store");
  ensureStoreFolder(folder);
  using _ = lockFolder(folder);
  placeRestored(folder);
  const { db: target, close } = await openPostgres({ url: wish.databaseUrl, onError: () => {} });
  await using held = new AsyncDisposableStack();
  held.defer(close);
  held.use(await lockMachine({ url: wish.databaseUrl, machine: ensureMachineName(wish.folder), onError: () => {} }));
  if (!existsSync(join(folder, "pg"))) return await findEarlier(target, folder);
  await migrate(target);
  const moved = await copyRows(wish, { folder, target });
  const aside = join(folder, placeName("moved", wish.stamp));
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  writeFileSync(join(aside, "moved.json"), JSON.stringify({ digest: moved.digest, rows: moved.rows } satisfies Moved), {
    ...{ mode: 0o600, flush: true },
  });
  renameSync(join(folder, "pg"), join(aside, "pg"));
  return { rows: moved.rows, aside };
}

/** Killed after all was done but the word of it: the server must be the one that has it. */
async function findEarlier(target: Kysely<Schema>, folder: string): Promise<Move> {
  const earlier = findMoved(folder);
  if (!earlier)
    throw new Fault("move.nothing", `There is no embedded store in ${folder}`, {
      remedy: "Name the data folder with --data or AIRLOCK_DATA; an App that has never started has nothing to move",
    });
  await migrate(target);
  if (await isMarked(target, earlier.moved.digest)) return { rows: earlier.moved.rows, aside: earlier.place };
  throw new Fault("store.moved", `The store in ${folder} was moved already, and not to this database`, {
    remedy: `Set DATABASE_URL to the one that has it; ${earlier.place} still holds the rows as they were`,
  });
}

async function copyRows(
  wish: MoveWish,
  { folder, target }: { folder: string; target: Kysely<Schema> },
): Promise<{ digest: string; rows: number }> {
  const source = await openEmbedded(folder, () => {});
  try {
    await migrate(source.db, { backUp: (next) => wish.backUp(source.db, next) });
    const tables = await listTables(source.db);
    return await target.transaction().execute(async (trx) => {
      await sql`lock table ${sql.join(tables.map((table) => sql.table(table)))} in access exclusive mode`.execute(trx);
      const occupied = await findOccupied(trx, tables);
      const sum = createSum();
      const reading = await readRows(source.db, {
        ...{ withTokens: true, inUse: false },
        write: async (table, rows) => {
          sum.add(table, rows);
          if (occupied.length === 0) await putRows(trx, table, rows);
        },
      });
      const rows = reading.tables.reduce((all, table) => all + table.rows, 0);
      const digest = sum.digest();
      // Committed by a life that did not get to set the store aside.
      if (occupied.length > 0 && (await isMarked(trx, digest))) return { digest, rows };
      if (occupied.length > 0) throw notEmpty(occupied);
      for (const table of reading.tables)
        if ((await countRows(trx, table.name)) !== table.rows) throw new Error(`${table.name} has not as many rows as it had`);
      for (const sequence of reading.sequences) await setSequence(trx, sequence);
      await trx
        .insertInto("marks")
        .values({ name: markOf(digest), text: "" })
        .execute();
      return { digest, rows };
    });
  } finally {
    await source.close();
  }
}

async function findOccupied(trx: Transaction<Schema>, tables: readonly string[]): Promise<string[]> {
  const occupied: string[] = [];
  for (const table of tables) if ((await countRows(trx, table)) > 0) occupied.push(table);
  return occupied;
}

function notEmpty(occupied: readonly string[]): Fault {
  return new Fault("move.not-empty", `The database of DATABASE_URL holds rows already (${occupied.join(", ")})`, {
    remedy: "Give Airlock a database of its own that is empty: rows of two stores are never mixed",
  });
}

/** In the same transaction as the rows: whoever finds it finds all of them. */
function markOf(digest: string): string {
  return `moved:${digest}`;
}

async function isMarked(db: Kysely<Schema> | Transaction<Schema>, digest: string): Promise<boolean> {
  const row = await db.selectFrom("marks").select("name").where("name", "=", markOf(digest)).executeTakeFirst();
  return row !== undefined;
}

/** Over rows in whatever order they come. */
function createSum(): { add(table: string, rows: readonly string[]): void; digest(): string } {
  let sum = 0n;
  return {
    add(table, rows) {
      for (const row of rows) sum += BigInt(`0x${createHash("sha256").update(`${table}\n${row}`).digest("hex")}`);
    },
    digest: () => createHash("sha256").update(sum.toString(16)).digest("hex"),
  };
}
