import { type Kysely, sql } from "kysely";

/**
 * Several machines on one database. `runs.machine`: which one has its sandbox and repository; uids are told apart by machine. `leases`:
 * what one process does for all. `limits`: of a provider's credential, which all machines share.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table machines (machine text primary key, labels jsonb not null, places integer not null, version text not null,
     since_ms bigint not null, seen_at_ms bigint not null)`,
  "alter table runs add column machine text",
  "drop index runs_uid",
  "create unique index runs_uid on runs ((coalesce(machine, '')), uid) where uid is not null",
  "alter table deliveries add column holder text, add column lease_until_ms bigint not null default 0",
  "alter table grants add column machine text",
  "create table leases (name text primary key, holder text not null, until_ms bigint not null)",
  "create table limits (credential text primary key, until_ms bigint not null)",
];
