import { type Kysely, sql } from "kysely";

/** For how many of the same a row stands; null: one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw("alter table evidence add column times integer").execute(db);
}
