import { type Kysely, sql } from "kysely";

/** `digest`: of the rows as they are kept; `received`: as the gateway wrote them. They differ from where a secret was redacted. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`alter table evidence add column digest text not null default '', add column received text not null default ''`)
    .execute(db);
}
