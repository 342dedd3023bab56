import { type Kysely, sql } from "kysely";

/** `from_log`: found in GitHub's log of deliveries, where it may have been handled already in a life that this store does not know of. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw("alter table deliveries add column from_log boolean not null default false").execute(db);
}
