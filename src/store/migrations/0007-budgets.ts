import { type Kysely, sql } from "kysely";

/** Money over all runs, in millionths of a US dollar: what each purse holds, and what each call of the model took out of it. No reference
 *  to runs: trials of the operator's are none, and pay too. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // `owner_id`: GitHub's id; 0 for the deployment. `period`: "2026-11-26" or "2026-11", UTC.
  `create table purses (scope text not null, owner_id bigint not null, period text not null, spent bigint not null default 0,
     reserved bigint not null default 0, primary key (scope, owner_id, period))`,
  // `micro_usd`: the most that it can cost while it is open, then what it did. `reached`: the cap that refused it.
  `create table reservations (id text primary key, run text not null, repository_id bigint, actor_id bigint, state text not null,
     micro_usd bigint not null, reached jsonb, at_ms bigint not null)`,
  `create index reservations_open on reservations (run) where state = 'open'`,
  `create index reservations_refused on reservations (run) where state = 'refused'`,
  `create index reservations_age on reservations (at_ms)`,
];
