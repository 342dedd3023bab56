import type { Kysely } from "kysely";
import type { Schema } from "../schema.ts";

export interface Edit {
  repositoryId: number;
  number: number;
  actor: { id: number; login: string };
  /** False for bots and Apps, which have no permission of their own to ask for. */
  person: boolean;
  atMs: number;
}

export async function addEdit(db: Kysely<Schema>, edit: Edit): Promise<void> {
  await db
    .insertInto("edits")
    .values({
      repository_id: edit.repositoryId,
      subject_number: edit.number,
      actor_id: edit.actor.id,
      actor_login: edit.actor.login,
      person: edit.person,
      at_ms: edit.atMs,
    })
    .onConflict((c) => c.doNothing())
    .execute();
}

/** Who changed the text within the span, each once. */
export async function editorsBetween(
  db: Kysely<Schema>,
  at: { repositoryId: number; number: number; fromMs: number; toMs: number },
): Promise<{ id: number; login: string; person: boolean }[]> {
  const rows = await db
    .selectFrom("edits")
    .select(["actor_id", "actor_login", "person"])
    .distinct()
    .where("repository_id", "=", at.repositoryId)
    .where("subject_number", "=", at.number)
    .where("at_ms", ">=", at.fromMs)
    .where("at_ms", "<=", at.toMs)
    .execute();
  return rows.map((row) => ({ id: Number(row.actor_id), login: row.actor_login, person: row.person }));
}

/** Who was first to be shown something: the mark keeps the first text that it is given. */
export async function firstShown(db: Kysely<Schema>, name: string, cause: string): Promise<string> {
  await db
    .insertInto("marks")
    .values({ name, text: cause })
    .onConflict((c) => c.doNothing())
    .execute();
  return (await db.selectFrom("marks").select("text").where("name", "=", name).executeTakeFirstOrThrow()).text;
}
