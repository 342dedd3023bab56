import { type Kysely, sql } from "kysely";

/** Who changed an issue's title or text, and when, as signed deliveries told it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table edits (repository_id bigint not null, subject_number integer not null, actor_id bigint not null, actor_login text not null,
     person boolean not null, at_ms bigint not null, primary key (repository_id, subject_number, actor_id, at_ms))`,
    )
    .execute(db);
}
