import { type Kysely, sql, type Transaction } from "kysely";
import { longestOwnPauseMs } from "../../run/clock.ts";
import type { RunId } from "../../run/identity.ts";
import { decidePosition, decideTurns, type InLine, type Placed, type PlaceLimits } from "../../run/turn.ts";
import type { Schema } from "../schema.ts";
import { everything } from "./pauses.ts";

/** The uids that the sandbox image's passwd names. */
export interface UidRange {
  first: number;
  count: number;
}

/** By what the line is ordered, and for whom. */
export interface LineWish {
  here: { machine: string; labels: readonly string[] };
  limits: PlaceLimits;
  /** Of a repository, by its name as it was when the run was asked for; higher goes first. */
  priorityOf(repository: { owner: string; name: string; id: number }): number;
}

/** `onlyBegun`: none begins now, and what has begun stands behind nobody who has not. */
export interface LineMoment {
  nowMs: number;
  onlyBegun?: boolean;
}

/** True where it is this run's turn to take a place on this machine. */
export async function slotIsFree(db: Kysely<Schema>, wish: LineWish & LineMoment & { run: RunId }): Promise<boolean> {
  const placed = await readPlaced(db);
  // Taken by an attempt that did not live to write it down: no other run can have it, so waiting for it would never end.
  if (placed.some(({ run, machine }) => run === wish.run && machine === wish.here.machine)) return true;
  return decideTurns({ ...wish, placed, line: await readLine(db, wish) }).includes(wish.run);
}

/**
 * Takes a slot for the run, or answers undefined where none is free any more. The advisory lock makes counting and taking one step,
 * so that the limits hold under many workers.
 */
export async function takeUid(
  db: Kysely<Schema>,
  input: LineWish & LineMoment & { run: RunId; fence: number; range: UidRange },
): Promise<number | undefined> {
  const { machine } = input.here;
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(7303001)`.execute(trx);
    const placed = await readPlaced(trx);
    const own = placed.find(({ run }) => run === input.run);
    if (own?.machine === machine) return own.uid;
    if (own || !decideTurns({ ...input, placed, line: await readLine(trx, input) }).includes(input.run)) return undefined;
    const taken = new Set(placed.filter((each) => each.machine === machine).map(({ uid }) => uid));
    const uid = Array.from({ length: input.range.count }, (_, i) => input.range.first + i).find((each) => !taken.has(each));
    if (uid === undefined) return undefined;
    const row = await trx
      .updateTable("runs")
      .set({ uid, machine })
      .where("id", "=", input.run)
      .where("fence", "=", input.fence)
      .returning("uid")
      .executeTakeFirst();
    return row?.uid ?? undefined;
  });
}

/** Where a waiting run stands in the line of all machines, from 1; 0 when it is not in it. */
export async function linePosition(
  db: Kysely<Schema>,
  { run, ...moment }: LineMoment & Pick<LineWish, "priorityOf"> & { run: RunId },
): Promise<number> {
  const [placed, line] = await Promise.all([readPlaced(db), readLine(db, moment)]);
  return decidePosition(run, { line, placed });
}

async function readPlaced(db: Kysely<Schema> | Transaction<Schema>): Promise<(Placed & { uid: number })[]> {
  const rows = await db
    .selectFrom("runs")
    .select(["id", "uid", "machine", "repository_id"])
    .where("uid", "is not", null)
    .execute();
  return rows.map(({ id, uid, machine, repository_id }) => {
    return { run: id, uid: Number(uid), machine: machine ?? "", repositoryId: Number(repository_id) };
  });
}

/** What waits for a place and could have one. */
async function readLine(
  db: Kysely<Schema> | Transaction<Schema>,
  { nowMs, priorityOf, onlyBegun = false }: LineMoment & Pick<LineWish, "priorityOf">,
): Promise<InLine[]> {
  const rows = await db
    .selectFrom("runs")
    .select(["id", "repository_id", "machine", "created_at_ms"])
    .select([
      sql<string[] | null>`state->'pins'->'needs'`.as("needs"),
      sql<string>`request->>'owner'`.as("owner"),
      sql<string>`request->>'name'`.as("name"),
    ])
    .where("uid", "is", null)
    .where((e) =>
      e.or([
        ...(onlyBegun ? [] : [e("at", "=", "queued")]),
        // Begun before, and due to go on: it keeps its age in the line.
        e.and([e("at", "=", "waiting"), mayGoOn(nowMs)]),
      ]),
    )
    // What is paused keeps its age, and nobody waits behind it.
    .where(({ not, exists, selectFrom, ref }) =>
      not(
        exists(
          selectFrom("pauses")
            .select("by_name")
            .where((e) =>
              e.or([e("pauses.repository_id", "=", everything), e("pauses.repository_id", "=", ref("runs.repository_id"))]),
            ),
        ),
      ),
    )
    .execute();
  return rows.map((row) => ({
    ...{ run: row.id, repositoryId: Number(row.repository_id), sinceMs: Number(row.created_at_ms), needs: row.needs ?? [] },
    priority: priorityOf({ owner: row.owner, name: row.name, id: Number(row.repository_id) }),
    ...(row.machine !== null && { machine: row.machine }),
  }));
}

/** As `resumesAtMs` has it. */
function mayGoOn(nowMs: number) {
  const until = sql<number>`(state->'pause'->>'untilMs')::bigint`;
  return sql<boolean>`(${until} <= ${nowMs} or (${until} > ${nowMs + longestOwnPauseMs} and state->'pause'->>'why' <> 'provider'))`;
}
