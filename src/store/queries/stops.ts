import { type Kysely, sql } from "kysely";
import type { Schema } from "../schema.ts";

const nameOf = (repositoryId: number, number: number) => `stop:${repositoryId}:${number}`;

/** Notes a stop that found no run. `atMs`: when it was asked, by GitHub's clock; the latest counts. */
export async function noteStop(db: Kysely<Schema>, of: { repositoryId: number; number: number; atMs: number }): Promise<void> {
  const text = String(of.atMs);
  await db
    .insertInto("marks")
    .values({ name: nameOf(of.repositoryId, of.number), text })
    .onConflict((c) => c.column("name").doUpdateSet({ text }).where(sql<boolean>`marks.text::bigint < ${of.atMs}`))
    .execute();
}

/** When somebody last asked for an end of what had not begun yet. */
export async function findStopTime(db: Kysely<Schema>, repositoryId: number, number: number): Promise<number | undefined> {
  const row = await db.selectFrom("marks").select("text").where("name", "=", nameOf(repositoryId, number)).executeTakeFirst();
  return row && Number(row.text);
}
