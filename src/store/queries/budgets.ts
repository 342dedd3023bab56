import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import {
  type Cap,
  type CapReached,
  type CapVerdict,
  decideReserve,
  type Payers,
  type Purse,
  type PurseKey,
  periodAt,
  pursesOf,
} from "../../run/cap.ts";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

type Trx = Transaction<Schema>;

/**
 * Reserves what a call may cost at most in every purse that it is booked to, or in none. All purses are locked first, always in the same
 * order, so that no two of any number of processes look at the same money. A refusal by a cap is written down for the run. `id`: of this
 * one call; one that was seen before is an error.
 */
export async function reserveMoney(
  db: Kysely<Schema>,
  of: { id: string; run: RunId; sizes: readonly number[]; late: boolean; caps: readonly Cap[]; nowMs: number },
): Promise<CapVerdict> {
  return db.transaction().execute(async (trx) => {
    const payers = await payersOf(trx, of.run);
    const purses = await lockPurses(trx, payers, of.nowMs);
    const verdict = decideReserve({ ...of, purses });
    if (verdict.is === "busy") return verdict;
    const atMost = verdict.is === "granted" ? of.sizes[verdict.size] : 0;
    if (atMost === undefined) throw new Error("a size was granted that nobody asked for");
    await trx
      .insertInto("reservations")
      .values({
        ...{ id: of.id, run: of.run, repository_id: payers.repositoryId ?? null, actor_id: payers.actorId ?? null },
        ...{ state: verdict.is === "granted" ? "open" : "refused", micro_usd: atMost, at_ms: of.nowMs },
        reached: verdict.is === "over" ? JSON.stringify(verdict.cap) : null,
      })
      .execute();
    await change(trx, purses, { reserved: atMost, spent: 0 });
    return verdict;
  });
}

/**
 * Puts what a call did cost in the place of the most, in the purses that it was reserved in, however late. The first word counts; a second
 * changes nothing. A reservation that is not known was never made: it is noted as settled, so that it cannot be made any more.
 */
export async function settleMoney(
  db: Kysely<Schema>,
  of: { id: string; run: RunId; microUsd: number; nowMs: number },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { id, run, microUsd, nowMs } = of;
    const fresh = { repository_id: null, actor_id: null, reached: null, micro_usd: 0, at_ms: nowMs };
    // Where it is being made at this moment, this waits until it is.
    const never = await trx
      .insertInto("reservations")
      .values({ id, run, state: "settled", ...fresh })
      .onConflict((c) => c.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (never) return;
    await settle(trx, id, { state: "settled", microUsd });
  });
}

/**
 * Counts as spent in full what nobody will settle any more: its run has ended, or it is no run's and older than any call, and the gateway
 * that should tell of it has not. Money that may have been spent is spent. Answers how many.
 */
export async function presumeSpent(db: Kysely<Schema>, before: { endedMs: number; madeMs: number }): Promise<number> {
  const lost = await db
    .selectFrom("reservations")
    .leftJoin("runs", "runs.id", "reservations.run")
    .select("reservations.id")
    .where("reservations.state", "=", "open")
    .where((e) =>
      e.or([
        e.and([e("runs.at", "=", "ended"), e("runs.updated_at_ms", "<", before.endedMs)]),
        e.and([e("runs.id", "is", null), e("reservations.at_ms", "<", before.madeMs)]),
      ]),
    )
    .execute();
  for (const { id } of lost) await db.transaction().execute((trx) => settle(trx, id, { state: "presumed" }));
  return lost.length;
}

/** Removes what was settled or refused before `reservationsMs`, and the purses of months that had ended by `pursesMs`. What is open stays. */
export async function forgetSettled(
  db: Kysely<Schema> | Trx,
  before: { reservationsMs: number; pursesMs: number },
): Promise<void> {
  await db.deleteFrom("reservations").where("state", "<>", "open").where("at_ms", "<", before.reservationsMs).execute();
  const month = periodAt("month", before.pursesMs).period;
  await db.deleteFrom("purses").where(sql<boolean>`period collate "C" < ${month}`).where("reserved", "=", 0).execute();
}

/** What is in the purses of a run at this moment. Changes nothing. */
export async function pursesNow(db: Kysely<Schema>, run: RunId, nowMs: number): Promise<Purse[]> {
  return readPurses(db, await payersOf(db, run), nowMs);
}

/** The cap that refused this run a call, if one did. `sinceMs`: what an earlier sandbox of the run met may be over by now. */
export async function findRefusal(db: Kysely<Schema>, run: RunId, sinceMs = 0): Promise<CapReached | undefined> {
  const refused = db.selectFrom("reservations").select("reached").where("run", "=", run).where("state", "=", "refused");
  const latest = refused.where("at_ms", ">=", sinceMs).orderBy("at_ms", "desc").limit(1);
  return (await latest.executeTakeFirst())?.reached ?? undefined;
}

/** Every purse of these periods, with the name that its owner had in their newest run. */
export async function listPurses(
  db: Kysely<Schema>,
  periods: readonly string[],
): Promise<(Omit<Purse, "per"> & { name: string | undefined })[]> {
  const rows = await db
    .selectFrom("purses")
    .selectAll()
    .where("period", "in", periods)
    .orderBy("scope")
    .orderBy("owner_id")
    .orderBy("period")
    .execute();
  const names = await newestNames(db);
  return rows.map(({ scope, owner_id, period, spent, reserved }) => {
    const owner = Number(owner_id);
    const [spentMicroUsd, reservedMicroUsd] = [Number(spent), Number(reserved)];
    return { scope, owner, period, spentMicroUsd, reservedMicroUsd, name: names.get(`${scope} ${owner}`) };
  });
}

/** Of repositories and people, by their ids: names are changed and reused. */
async function newestNames(db: Kysely<Schema>): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ key: string; name: string }>`
    (select distinct on (repository_id) 'repository ' || repository_id as key, (request->>'owner') || '/' || (request->>'name') as name
       from runs order by repository_id, created_at_ms desc)
    union all
    (select distinct on (request->'requester'->>'id') 'actor ' || (request->'requester'->>'id'), request->'requester'->>'login'
       from runs order by request->'requester'->>'id', created_at_ms desc)`.execute(db);
  return new Map(rows.map(({ key, name }) => [key, name]));
}

/** A run that the store does not know is a trial of the operator's. */
async function payersOf(db: Kysely<Schema> | Trx, run: RunId): Promise<Payers> {
  const row = await db
    .selectFrom("runs")
    .select(["repository_id", sql<number>`(request->'requester'->>'id')::bigint`.as("actor_id")])
    .where("id", "=", run)
    .executeTakeFirst();
  return row ? { repositoryId: Number(row.repository_id), actorId: Number(row.actor_id) } : {};
}

/** In the order of their names, so that two transactions that want some of the same never wait for each other. */
async function lockPurses(trx: Trx, payers: Payers, atMs: number): Promise<Purse[]> {
  const keys = pursesOf(payers, atMs);
  const made = keys.map(({ scope, owner, period }) => ({ scope, owner_id: owner, period }));
  await trx
    .insertInto("purses")
    .values(made)
    .onConflict((c) => c.doNothing())
    .execute();
  const rows = await purseRows(trx, keys).orderBy("scope").orderBy("owner_id").orderBy("period").forUpdate().execute();
  if (rows.length !== keys.length) throw new Error("a purse is missing");
  return fill(keys, rows);
}

/** One that nobody has paid out of yet is empty. */
async function readPurses(db: Kysely<Schema>, payers: Payers, atMs: number): Promise<Purse[]> {
  const keys = pursesOf(payers, atMs);
  return fill(keys, await purseRows(db, keys).execute());
}

type PurseRow = Selectable<Schema["purses"]>;

function purseRows(db: Kysely<Schema> | Trx, keys: readonly PurseKey[]) {
  return db
    .selectFrom("purses")
    .selectAll()
    .where((e) =>
      e.or(
        keys.map(({ scope, owner, period }) =>
          e.and([e("scope", "=", scope), e("owner_id", "=", owner), e("period", "=", period)]),
        ),
      ),
    );
}

function fill(keys: readonly PurseKey[], rows: readonly PurseRow[]): Purse[] {
  return keys.map((key) => {
    const row = rows.find(
      ({ scope, owner_id, period }) => scope === key.scope && Number(owner_id) === key.owner && period === key.period,
    );
    return { ...key, spentMicroUsd: Number(row?.spent ?? 0), reservedMicroUsd: Number(row?.reserved ?? 0) };
  });
}

/** Of purses that are locked. */
async function change(trx: Trx, purses: readonly Purse[], by: { reserved: number; spent: number }): Promise<void> {
  if (by.reserved === 0 && by.spent === 0) return;
  await trx
    .updateTable("purses")
    .set({ reserved: sql<number>`reserved + ${by.reserved}`, spent: sql<number>`spent + ${by.spent}` })
    .where((e) =>
      e.or(
        purses.map(({ scope, owner, period }) =>
          e.and([e("scope", "=", scope), e("owner_id", "=", owner), e("period", "=", period)]),
        ),
      ),
    )
    .execute();
}

/** Without an amount: in full. */
async function settle(trx: Trx, id: string, to: { state: "settled"; microUsd: number } | { state: "presumed" }): Promise<void> {
  const row = await trx.selectFrom("reservations").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
  if (!row || !isDue(row, to.state)) return;
  const before = Number(row.micro_usd);
  const cost = to.state === "settled" ? to.microUsd : before;
  const payers: Payers = {
    ...(row.repository_id !== null && { repositoryId: Number(row.repository_id) }),
    ...(row.actor_id !== null && { actorId: Number(row.actor_id) }),
  };
  const purses = await lockPurses(trx, payers, Number(row.at_ms));
  await change(trx, purses, row.state === "open" ? { reserved: -before, spent: cost } : { reserved: 0, spent: cost - before });
  await trx.updateTable("reservations").set({ state: to.state, micro_usd: cost }).where("id", "=", id).execute();
}

function isDue({ state }: Pick<Selectable<Schema["reservations"]>, "state">, to: "settled" | "presumed"): boolean {
  return state === "open" || (state === "presumed" && to === "settled");
}
