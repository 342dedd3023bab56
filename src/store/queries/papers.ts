import { type Kysely, sql } from "kysely";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

/** Longer texts that belong to a run. */
export type PaperKind = "prompt" | "patch" | "answer" | "checks" | "session" | "inspection";

export async function putPaper(
  db: Kysely<Schema>,
  input: { run: RunId; fence: number; kind: PaperKind; text: string },
): Promise<void> {
  await sql`insert into papers (run, kind, text) select ${input.run}, ${input.kind}, ${input.text}
    where exists (select 1 from runs where id = ${input.run} and fence = ${input.fence})
    on conflict (run, kind) do update set text = excluded.text`.execute(db);
}

export async function findPaper(db: Kysely<Schema>, run: RunId, kind: PaperKind): Promise<string | undefined> {
  const row = await db.selectFrom("papers").select("text").where("run", "=", run).where("kind", "=", kind).executeTakeFirst();
  return row?.text;
}
