import type { Kysely } from "kysely";
import type { RunId } from "../../run/identity.ts";
import type { Paused } from "../../run/paused.ts";
import type { Queue } from "../queue.ts";
import type { Schema } from "../schema.ts";

/** A repository that is paused, or (under `everything`) all of them. */
export interface PauseRow extends Paused {
  /** "owner/name" as it was then; absent: everything. */
  repository?: string;
  atMs: number;
}

/** In the place of a repository's id. */
export const everything = 0;

/** Puts it down, or changes what was put down before, and wakes the runs that it concerns. */
export async function addPause(
  db: Kysely<Schema>,
  queue: Queue,
  pause: { repositoryId: number; repository?: string; by: string; working: boolean; nowMs: number },
): Promise<void> {
  const { repositoryId, repository = null, by, working, nowMs } = pause;
  const set = { repository, by_name: by, working, at_ms: nowMs };
  await db
    .insertInto("pauses")
    .values({ repository_id: repositoryId, ...set })
    .onConflict((c) => c.column("repository_id").doUpdateSet(set))
    .execute();
  await wakeThose(db, queue, repositoryId);
}

/** False where it was not paused. */
export async function removePause(db: Kysely<Schema>, queue: Queue, repositoryId: number): Promise<boolean> {
  const removed = await db.deleteFrom("pauses").where("repository_id", "=", repositoryId).returning("repository_id").execute();
  await wakeThose(db, queue, repositoryId);
  return removed.length > 0;
}

/** What pauses a run of this repository, if anything does. */
export async function findPause(db: Kysely<Schema>, repositoryId: number): Promise<Paused | undefined> {
  const rows = await db.selectFrom("pauses").selectAll().where("repository_id", "in", [everything, repositoryId]).execute();
  const [first] = rows.sort((a, b) => Number(b.working) - Number(a.working));
  return first && { by: first.by_name, working: first.working };
}

/** Everything first. */
export async function listPauses(db: Kysely<Schema>): Promise<PauseRow[]> {
  const rows = await db.selectFrom("pauses").selectAll().orderBy("repository_id").execute();
  return rows.map((row) => ({
    ...(row.repository !== null && { repository: row.repository }),
    ...{ by: row.by_name, working: row.working, atMs: Number(row.at_ms) },
  }));
}

async function wakeThose(db: Kysely<Schema>, queue: Queue, repositoryId: number): Promise<void> {
  let runs = db.selectFrom("runs").select("id").where("at", "<>", "ended");
  if (repositoryId !== everything) runs = runs.where("repository_id", "=", repositoryId);
  for (const { id } of await runs.execute()) await queue.wakeRun(id as RunId);
}
