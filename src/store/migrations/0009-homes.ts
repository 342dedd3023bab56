import { type Kysely, sql } from "kysely";

/** Where repositories are now that are not where a request said: renamed, transferred, or under an App that was installed anew. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table homes (repository_id bigint primary key, installation_id bigint not null, account_id bigint not null,
     owner text not null, name text not null, at_ms bigint not null)`,
    )
    .execute(db);
}
