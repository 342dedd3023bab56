import { type Kysely, sql, type Transaction } from "kysely";
import type { Schema } from "./schema.ts";

type Db = Kysely<Schema> | Transaction<Schema>;

/** A column that counts by itself: what it counts with, and how far it has come. */
export interface Sequence {
  table: string;
  column: string;
  /** The last number that was given; 0: none yet. */
  last: number;
}

/**
 * The tables that hold our rows, whatever version of the schema this is; those that others point at come first. Without the queue's,
 * which has a schema of its own, and without the list of migrations.
 */
export async function listTables(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string; needs: string[] }>`select c.relname as name,
      coalesce(json_agg(f.relname) filter (where f.relname is not null and f.oid <> c.oid), '[]'::json) as needs
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
      left join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' left join pg_class f on f.oid = k.confrelid
    where n.nspname = current_schema() and c.relkind = 'r' and c.relname not like 'kysely\\_%' group by c.oid, c.relname order by c.relname`.execute(
    db,
  );
  return orderTables(rows);
}

/** ◆ Each table after all that it needs. Tables that need each other in a circle are an error of the schema. */
export function orderTables(tables: readonly { name: string; needs: readonly string[] }[]): string[] {
  const ordered: string[] = [];
  while (ordered.length < tables.length) {
    const next = tables.find(({ name, needs }) => !ordered.includes(name) && needs.every((need) => ordered.includes(need)));
    if (!next) throw new Error("tables of the store need each other in a circle");
    ordered.push(next.name);
  }
  return ordered;
}

export async function listSequences(db: Db): Promise<Sequence[]> {
  const { rows: found } = await sql<{
    table: string;
    column: string;
    name: string;
  }>`select c.relname as "table", a.attname as "column",
      pg_get_serial_sequence(quote_ident(c.relname), a.attname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
    where n.nspname = current_schema() and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and pg_get_serial_sequence(quote_ident(c.relname), a.attname) is not null order by 1, 2`.execute(db);
  const sequences: Sequence[] = [];
  for (const { table, column, name } of found) {
    const { rows } = await sql<{ last: number }>`select case when is_called then last_value else 0 end as last
      from ${sql.id(...parts(name))}`.execute(db);
    sequences.push({ table, column, last: Number(rows[0]?.last ?? 0) });
  }
  return sequences;
}

/** Goes on counting after what is there, and after `last`. */
export async function setSequence(db: Db, { table, column, last }: Sequence): Promise<void> {
  await sql`select setval(pg_get_serial_sequence(${table}, ${column}), greatest(${last}::bigint, m, 1), greatest(${last}::bigint, m) > 0)
    from (select coalesce(max(${sql.id(column)}), 0)::bigint as m from ${sql.table(table)}) as there`.execute(db);
}

export async function countRows(db: Db, table: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::bigint as n from ${sql.table(table)}`.execute(db);
  return Number(rows[0]?.n ?? 0);
}

export async function holdsRows(db: Db): Promise<boolean> {
  for (const table of await listTables(db)) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(db);
    if (rows.length > 0) return true;
  }
  return false;
}

/** "public.events_seq_seq", as PostgreSQL names it: ours need no quotes. */
function parts(name: string): string[] {
  return name.split(".").map((part) => part.replace(/^"(.*)"$/, "$1"));
}
