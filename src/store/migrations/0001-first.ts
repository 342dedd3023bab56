import { type Kysely, sql } from "kysely";

/** The tables of the first version. Times are epoch milliseconds; ids of GitHub's are numbers and never names, which are reused. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table deliveries (id text primary key, event text not null, received_at_ms bigint not null, payload jsonb not null,
     state text not null, note text)`,
  `create index deliveries_waiting on deliveries (received_at_ms) where state = 'received'`,
  `create table runs (id text primary key, page_key text not null unique, cause_key text not null unique, installation_id bigint not null,
     repository_id bigint not null, subject_number integer not null, request jsonb not null, state jsonb not null, at text not null,
     uid integer, fence integer not null default 0, holder text, lease_until_ms bigint not null default 0, tries integer not null default 0,
     not_before_ms bigint not null default 0, reported text, reported_at_ms bigint not null default 0,
     created_at_ms bigint not null, updated_at_ms bigint not null)`,
  // One active run per issue or pull request: they share one row of numbers in a repository.
  `create unique index runs_active on runs (repository_id, subject_number) where at <> 'ended'`,
  // Two sandboxes never share a uid: the kernel counts some limits per uid.
  `create unique index runs_uid on runs (uid) where uid is not null`,
  `create index runs_created on runs (created_at_ms)`,
  `create table facts (run text not null references runs (id), seq integer not null, at_ms bigint not null, fact jsonb not null, primary key (run, seq))`,
  `create table events (run text not null references runs (id), seq bigserial, id text not null, at_ms bigint not null, kind text not null,
     text text not null, tool text, primary key (run, id))`,
  `create index events_order on events (run, seq)`,
  `create table evidence (run text not null references runs (id), seq integer not null, at_ms bigint not null, door text not null, method text not null,
     target text not null, verdict text not null, rule text not null, bytes_in bigint not null, bytes_out bigint not null, status integer not null,
     duration_ms integer not null, usage jsonb, primary key (run, seq))`,
  `create table grants (id text primary key, run text references runs (id), duty text not null, repository_id bigint not null, permissions jsonb not null,
     state text not null, minted_at_ms bigint not null, expires_at_ms bigint not null, revoked_at_ms bigint, token text)`,
  `create index grants_live on grants (run) where state <> 'revoked'`,
  `create table commands (id bigserial primary key, run text not null references runs (id), command jsonb not null, at_ms bigint not null)`,
  `create table papers (run text not null references runs (id), kind text not null, text text not null, primary key (run, kind))`,
  `create table notices (repository_id bigint not null, subject_number integer not null, actor_id bigint not null,
     primary key (repository_id, subject_number, actor_id))`,
  `create table heads (repository_id bigint not null, subject_number integer not null, sha text not null, at_ms bigint not null,
     primary key (repository_id, subject_number, sha))`,
  `create table branches (repository_id bigint not null, branch text not null, sha text not null, run text not null references runs (id),
     primary key (repository_id, branch, sha))`,
  `create table marks (name text primary key, text text not null)`,
];
