import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { RunId } from "../../run/identity.ts";
import { recalledCode } from "../../run/outcome.ts";
import type { RunRequest } from "../../run/request.ts";
import type { Run } from "../../run/state.ts";
import type { Queue } from "../queue.ts";
import type { Schema } from "../schema.ts";
import { storableJson } from "../text.ts";

export interface RunRow {
  id: RunId;
  pageKey: string;
  /** As it was asked, at where its repository is by now: the names and the installation are today's. */
  request: RunRequest;
  state: Run;
  /** Which machine has its sandbox and its repository; undefined: none has. */
  machine?: string;
  /** Goes up whenever the run changes hands. Every write names it, so that a writer who lost the run writes nothing. */
  fence: number;
  tries: number;
  notBeforeMs: number;
  reported: string | null;
  reportedAtMs: number;
  createdAtMs: number;
  updatedAtMs: number;
}

export type Added = { is: "added"; run: RunId } | { is: "duplicate"; run: RunId } | { is: "busy"; run: RunId };

interface NewRun {
  id: RunId;
  pageKey: string;
  causeKey: string;
  request: RunRequest;
  nowMs: number;
}

function firstRow({ id, pageKey, causeKey, request, nowMs }: NewRun, state: Run): Insertable<Schema["runs"]> {
  return {
    id,
    page_key: pageKey,
    cause_key: causeKey,
    installation_id: request.installationId,
    repository_id: request.repositoryId,
    subject_number: request.subject.number,
    request: storableJson(request),
    state: storableJson(state),
    at: state.at,
    uid: null,
    machine: null,
    fence: 0,
    holder: null,
    lease_until_ms: 0,
    tries: 0,
    not_before_ms: 0,
    reported: null,
    reported_at_ms: 0,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
}

/** Writes down a run of which only GitHub knew that it has ended. A known one stays as it is. */
export async function addEndedRun(
  db: Kysely<Schema>,
  input: NewRun & { ended: Omit<Extract<Run, { at: "ended" }>, "at"> },
): Promise<void> {
  await db
    .insertInto("runs")
    .values(firstRow(input, { at: "ended", ...input.ended }))
    .onConflict((c) => c.doNothing())
    .execute();
}

/** One run for each cause, ever; one active run for each issue or pull request. */
export async function addRun(db: Kysely<Schema>, queue: Queue, input: NewRun): Promise<Added> {
  const { request } = input;
  return db.transaction().execute(async (trx) => {
    const ofCause = () => trx.selectFrom("runs").select("id").where("cause_key", "=", input.causeKey).executeTakeFirst();
    const known = await ofCause();
    if (known) return { is: "duplicate", run: known.id };
    const added = await trx
      .insertInto("runs")
      .values(firstRow(input, { at: "accepted" }))
      .onConflict((c) => c.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (added) {
      await queue.wakeRun(input.id, trx);
      return { is: "added", run: input.id };
    }
    // Added by another process in between: for the same cause, or for another one.
    const raced = await ofCause();
    if (raced) return { is: "duplicate", run: raced.id };
    const active = await findActiveRun(trx, request.repositoryId, request.subject.number);
    if (!active) throw new Error("a run was neither added nor found to be at work");
    return { is: "busy", run: active.id };
  });
}

export async function findRun(db: Kysely<Schema>, id: RunId): Promise<RunRow | undefined> {
  return asRow(await rowsOf(db).where("id", "=", id).executeTakeFirst());
}

export async function findRunByPage(db: Kysely<Schema>, pageKey: string): Promise<RunRow | undefined> {
  return asRow(await rowsOf(db).where("page_key", "=", pageKey).executeTakeFirst());
}

export async function findActiveRun(
  db: Kysely<Schema> | Transaction<Schema>,
  repositoryId: number,
  number: number,
): Promise<RunRow | undefined> {
  return asRow(
    await rowsOf(db)
      .where("runs.repository_id", "=", repositoryId)
      .where("subject_number", "=", number)
      .where("at", "<>", "ended")
      .executeTakeFirst(),
  );
}

/** Of this issue or pull request, those that had ended in a life that the store has forgotten, and were written down again. */
export async function listRecalledRuns(db: Kysely<Schema>, repositoryId: number, number: number): Promise<RunRow[]> {
  const rows = await rowsOf(db)
    .where("runs.repository_id", "=", repositoryId)
    .where("subject_number", "=", number)
    .where("at", "=", "ended")
    .where(sql`state->'ending'->'reason'->>'code'`, "=", recalledCode)
    .execute();
  return rows.flatMap((row) => asRow(row) ?? []);
}

export async function activeRuns(db: Kysely<Schema>): Promise<RunRow[]> {
  const rows = await rowsOf(db).where("at", "<>", "ended").orderBy("created_at_ms").execute();
  return rows.flatMap((row) => asRow(row) ?? []);
}

/** Newest first. */
export async function listRuns(db: Kysely<Schema>, limit: number): Promise<RunRow[]> {
  const rows = await rowsOf(db).orderBy("created_at_ms", "desc").limit(limit).execute();
  return rows.flatMap((row) => asRow(row) ?? []);
}

function rowsOf(db: Kysely<Schema> | Transaction<Schema>) {
  return db
    .selectFrom("runs")
    .leftJoin("homes", "homes.repository_id", "runs.repository_id")
    .selectAll("runs")
    .select(["homes.owner as home_owner", "homes.name as home_name"])
    .select(["homes.installation_id as home_installation_id", "homes.account_id as home_account_id"]);
}

type StoredRun = Selectable<Schema["runs"]> & {
  home_owner: string | null;
  home_name: string | null;
  home_installation_id: number | null;
  home_account_id: number | null;
};

/** ◆ The request, at where its repository is by now. */
function atHome(row: StoredRun): RunRequest {
  const { request, home_owner: owner, home_name: name } = row;
  if (owner === null || name === null) return request;
  const [installationId, accountId] = [Number(row.home_installation_id), Number(row.home_account_id)];
  return { ...request, owner, name, installationId, accountId };
}

function asRow(row: StoredRun | undefined): RunRow | undefined {
  if (!row) return undefined;
  return {
    id: row.id,
    pageKey: row.page_key,
    request: atHome(row),
    state: row.state,
    ...(row.machine !== null && { machine: row.machine }),
    fence: row.fence,
    tries: row.tries,
    notBeforeMs: Number(row.not_before_ms),
    reported: row.reported,
    reportedAtMs: Number(row.reported_at_ms),
    createdAtMs: Number(row.created_at_ms),
    updatedAtMs: Number(row.updated_at_ms),
  };
}
