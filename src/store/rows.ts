import { type Kysely, sql, type Transaction } from "kysely";
import type { RunId } from "../run/identity.ts";
import type { Run } from "../run/state.ts";
import type { Schema } from "./schema.ts";
import { listSequences, listTables, type Sequence } from "./tables.ts";

/** What was read beside the rows themselves. */
export interface Reading {
  tables: { name: string; rows: number }[];
  sequences: Sequence[];
  /** The runs that had not ended at that moment. */
  open: { run: RunId; state: Run }[];
  /** For how long nobody else could use an embedded store. */
  heldMs: number;
}

export interface ReadWish {
  /** Gets each row as one JSON text, table by table. */
  write(table: string, rows: readonly string[]): Promise<void>;
  /** Sealed tokens too. They open with the seal's key alone, and end by themselves within an hour. */
  withTokens: boolean;
  /** Others use the store meanwhile: what can be read before the rest is, so that rows come before those that they point at. */
  inUse: boolean;
}

/** Nothing is added to these any more when their run has ended, and they are most of what a store holds. */
const bulky = ["events", "evidence"];
const rowsAtOnce = 200;
/** A run that has more is read by itself. */
const rowsOfEnded = 1_000;

/**
 * Reads every row of the store as it stands at one moment, also while others write. The embedded store has one connection: whoever
 * wants it waits for the transaction. So what cannot change any more is read before, piece by piece, between other work.
 */
export async function readRows(db: Kysely<Schema>, { write, withTokens, inUse }: ReadWish): Promise<Reading> {
  const counts = new Map<string, number>();
  const put = async (table: string, rows: readonly { row: string }[]) => {
    counts.set(table, (counts.get(table) ?? 0) + rows.length);
    if (rows.length > 0)
      await write(
        table,
        rows.map(({ row }) => row),
      );
  };
  const ended = (await db.selectFrom("runs").select("id").where("at", "=", "ended").execute()).map(({ id }) => id);
  const tables = await listTables(db);
  const early = inUse ? bulky.filter((table) => tables.includes(table)) : [];
  for (const table of early)
    for (const runs of await batchRuns(db, table, ended)) {
      const some = sql<Row>`select row_to_json(t)::text as row from ${sql.table(table)} t where run = any(${runs}::text[])`;
      await put(table, (await some.execute(db)).rows);
    }
  return db.transaction().execute(async (trx) => {
    const begunAtMs = performance.now();
    const late = sql`run in (select id from runs where not (id = any(${ended}::text[])))`;
    for (const table of tables) {
      const where = early.includes(table) ? late : sql`true`;
      const row = table === "grants" && !withTokens ? sql`(to_jsonb(t) || '{"token": null}')` : sql`row_to_json(t)`;
      await sql`declare rows no scroll cursor for select ${row}::text as row from ${sql.table(table)} t where ${where}`.execute(
        trx,
      );
      for (;;) {
        const { rows } = await sql<Row>`fetch ${sql.lit(rowsAtOnce)} from rows`.execute(trx);
        await put(table, rows);
        if (rows.length < rowsAtOnce) break;
      }
      await sql`close rows`.execute(trx);
    }
    const open = await trx.selectFrom("runs").select(["id as run", "state"]).where("at", "<>", "ended").orderBy("id").execute();
    const sequences = await listSequences(trx);
    return {
      tables: tables.map((name) => ({ name, rows: counts.get(name) ?? 0 })),
      ...{ sequences, open, heldMs: Math.round(performance.now() - begunAtMs) },
    };
  });
}

/** Ended runs, so many at a time that their rows are a mouthful: whoever else wants the store comes between one and the next. */
async function batchRuns(db: Kysely<Schema>, table: string, ended: readonly string[]): Promise<string[][]> {
  const { rows: counted } = await sql<{ run: string; n: number }>`select run, count(*)::int as n from ${sql.table(table)}
    where run = any(${ended}::text[]) group by run`.execute(db);
  const batches: string[][] = [];
  let left = 0;
  for (const { run, n } of counted) {
    if (left < n) {
      batches.push([]);
      left = rowsOfEnded;
    }
    batches.at(-1)?.push(run);
    left -= n;
  }
  return batches;
}

/** Puts rows, as `readRows` gave them, into a table of the same version. */
export async function putRows(trx: Transaction<Schema>, table: string, rows: readonly string[]): Promise<void> {
  const of = sql.table(table);
  await sql`insert into ${of} select * from json_populate_recordset(null::${of}, ${`[${rows.join(",")}]`}::json)`.execute(trx);
}

interface Row {
  row: string;
}
