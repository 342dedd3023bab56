import { type Kysely, sql } from "kysely";

/** What operators have paused: a repository by its id, or everything under 0. `working`: runs that are at work too. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table pauses (repository_id bigint primary key, repository text, by_name text not null, working boolean not null,
     at_ms bigint not null)`,
    )
    .execute(db);
}
