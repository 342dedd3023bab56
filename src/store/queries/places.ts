import { type Kysely, sql } from "kysely";
import type { RunId, Sha } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

/** Remembers a commit that a run put on a branch: the only proof that a branch with that tip is ours. */
export async function addBranchTip(
  db: Kysely<Schema>,
  input: { repositoryId: number; branch: string; sha: Sha; run: RunId },
): Promise<void> {
  await db
    .insertInto("branches")
    .values({ repository_id: input.repositoryId, branch: input.branch, sha: input.sha, run: input.run })
    .onConflict((c) => c.doNothing())
    .execute();
}

export async function ownerOfTip(
  db: Kysely<Schema>,
  repositoryId: number,
  branch: string,
  sha: string,
): Promise<RunId | undefined> {
  const row = await db
    .selectFrom("branches")
    .select("run")
    .where("repository_id", "=", repositoryId)
    .where("branch", "=", branch)
    .where("sha", "=", sha as Sha)
    .executeTakeFirst();
  return row?.run;
}

/** Remembers that a pull request's head moved, and when, as signed deliveries told it. */
export async function addHead(
  db: Kysely<Schema>,
  input: { repositoryId: number; number: number; sha: string; atMs: number },
): Promise<void> {
  await db
    .insertInto("heads")
    .values({ repository_id: input.repositoryId, subject_number: input.number, sha: input.sha, at_ms: input.atMs })
    // A branch may be put back to where it was: then it has moved as well.
    .onConflict((c) =>
      c
        .columns(["repository_id", "subject_number", "sha"])
        .doUpdateSet({ at_ms: sql<number>`greatest(heads.at_ms, excluded.at_ms)` }),
    )
    .execute();
}

export async function headMovedAfter(db: Kysely<Schema>, repositoryId: number, number: number, atMs: number): Promise<boolean> {
  const row = await db
    .selectFrom("heads")
    .select("sha")
    .where("repository_id", "=", repositoryId)
    .where("subject_number", "=", number)
    .where("at_ms", ">", atMs)
    .executeTakeFirst();
  return row !== undefined;
}

/** True the first time for this actor on this issue: a refusal is explained once, not each time. */
export async function takeNotice(db: Kysely<Schema>, repositoryId: number, number: number, actorId: number): Promise<boolean> {
  const row = await db
    .insertInto("notices")
    .values({ repository_id: repositoryId, subject_number: number, actor_id: actorId })
    .onConflict((c) => c.doNothing())
    .returning(sql<number>`1`.as("one"))
    .executeTakeFirst();
  return row !== undefined;
}

/** The run that put this commit on any branch of the repository. */
export async function ownerOfCommit(db: Kysely<Schema>, repositoryId: number, sha: string): Promise<RunId | undefined> {
  const row = await db
    .selectFrom("branches")
    .select("run")
    .where("repository_id", "=", repositoryId)
    .where("sha", "=", sha as Sha)
    .executeTakeFirst();
  return row?.run;
}

/** The branches that this run put a commit on, with that commit. */
export async function tipsOfRun(db: Kysely<Schema>, run: RunId): Promise<{ branch: string; sha: Sha }[]> {
  return db.selectFrom("branches").select(["branch", "sha"]).where("run", "=", run).execute();
}
