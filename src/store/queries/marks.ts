import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";

/** True the first time for this name: what must not be done twice is done by whoever gets it. */
export async function takeMark(db: Kysely<Schema>, name: string): Promise<boolean> {
  const row = await db
    .insertInto("marks")
    .values({ name, text: "" })
    .onConflict((c) => c.doNothing())
    .returning("name")
    .executeTakeFirst();
  return row !== undefined;
}

export async function hasMark(db: Kysely<Schema>, name: string): Promise<boolean> {
  return (await db.selectFrom("marks").select("name").where("name", "=", name).executeTakeFirst()) !== undefined;
}

export async function dropMark(db: Kysely<Schema>, name: string): Promise<void> {
  await db.deleteFrom("marks").where("name", "=", name).execute();
}

/** Counts one more of this name: how many there were since the first of them, which is forgotten after `spanMs`. */
export async function countLately(db: Kysely<Schema>, of: { name: string; nowMs: number; spanMs: number }): Promise<number> {
  const [count, since] = [sql`split_part(marks.text, ' ', 1)::int`, sql`split_part(marks.text, ' ', 2)::bigint`];
  const isOver = sql`${since} not between ${of.nowMs - of.spanMs} and ${of.nowMs}`;
  const { rows } = await sql<{ text: string }>`insert into marks (name, text) values (${of.name}, ${`1 ${of.nowMs}`})
    on conflict (name) do update set text = case when ${isOver} then excluded.text else (${count} + 1) || ' ' || ${since} end
    returning text`.execute(db);
  return Number.parseInt(rows[0]?.text ?? "0", 10);
}

/** GitHub's log of deliveries goes three days back: what is older is asked by nothing that still comes. */
const keptMs = 4 * 24 * 3_600_000;

/** Drops those that stand for a moment: a stop that found no run, what was counted within an hour, the first half of a long list. */
export async function forgetMarks(db: Kysely<Schema>, nowMs: number): Promise<void> {
  const before = nowMs - keptMs;
  for (const [like, time] of [
    ["stop:%", sql`text`],
    ["refused:%", sql`split_part(text, ' ', 2)`],
    ["prepared:%", sql`split_part(name, ':', 3)`],
  ] as const)
    await db.deleteFrom("marks").where("name", "like", like).where(sql<boolean>`${time}::bigint < ${before}`).execute();
}
