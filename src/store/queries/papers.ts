import { type Kysely, sql } from "kysely";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";
import { storableText } from "../text.ts";
import { runLost } from "./lease.ts";

/** Longer texts that belong to a run. */
export type PaperKind =
  | "prompt"
  | "patch"
  | "answer"
  | "checks"
  | "session"
  | "launched"
  | "inspection"
  | "evidence"
  | "forgotten"
  | "nudges"
  | "exposure"
  | "moved";

/** Throws Fault "run.lost" where the run has changed hands: what is done next may hang on the paper being there. */
export async function putPaper(
  db: Kysely<Schema>,
  input: { run: RunId; fence: number; kind: PaperKind; text: string },
): Promise<void> {
  const put = await sql`insert into papers (run, kind, text) select ${input.run}, ${input.kind}, ${storableText(input.text)}
    where exists (select 1 from runs where id = ${input.run} and fence = ${input.fence})
    on conflict (run, kind) do update set text = excluded.text returning run`.execute(db);
  if (put.rows.length === 0) throw runLost();
}

export async function findPaper(db: Kysely<Schema>, run: RunId, kind: PaperKind): Promise<string | undefined> {
  const row = await db.selectFrom("papers").select("text").where("run", "=", run).where("kind", "=", kind).executeTakeFirst();
  return row?.text;
}

/** Those of `kinds` that there are. */
export async function findPapers<Kind extends PaperKind>(
  db: Kysely<Schema>,
  run: RunId,
  kinds: readonly Kind[],
): Promise<Partial<Record<Kind, string>>> {
  const rows = await db.selectFrom("papers").select(["kind", "text"]).where("run", "=", run).where("kind", "in", kinds).execute();
  return Object.fromEntries(rows.map(({ kind, text }) => [kind, text])) as Partial<Record<Kind, string>>;
}
