import { type Kysely, sql } from "kysely";
import type { EvidenceRow } from "../../run/evidence.ts";
import type { RunId } from "../../run/identity.ts";
import { type ChainLink, firstDigest } from "../../secret/chain.ts";
import type { Schema } from "../schema.ts";
import { storableJson, storableText } from "../text.ts";

/** One thing that the agent said or did, as pages show it. */
export interface TranscriptRow {
  seq: number;
  id: string;
  atMs: number;
  kind: string;
  text: string;
  tool?: string;
}

/** Adds events; those that are there already change nothing, so the output can be read again from its start. Fenced. */
export async function addEvents(
  db: Kysely<Schema>,
  run: RunId,
  fence: number,
  events: Omit<TranscriptRow, "seq">[],
): Promise<void> {
  for (const event of events)
    await sql`insert into events (run, id, at_ms, kind, text, tool)
      select ${run}, ${event.id}, ${event.atMs}, ${event.kind}, ${storableText(event.text)}, ${event.tool === undefined ? null : storableText(event.tool)}
      where exists (select 1 from runs where id = ${run} and fence = ${fence}) on conflict do nothing`.execute(db);
}

export async function transcriptOf(db: Kysely<Schema>, run: RunId, afterSeq: number, limit: number): Promise<TranscriptRow[]> {
  const rows = await db
    .selectFrom("events")
    .selectAll()
    .where("run", "=", run)
    .where("seq", ">", afterSeq)
    .orderBy("seq")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    seq: Number(row.seq),
    id: row.id,
    atMs: Number(row.at_ms),
    kind: row.kind,
    text: row.text,
    ...(row.tool !== null && { tool: row.tool }),
  }));
}

/** A row as the store gives it back: that is what the chain of the kept rows is over. */
export function storableRow(row: EvidenceRow): EvidenceRow {
  return { ...row, method: storableText(row.method), target: storableText(row.target) };
}

/** Adds a row of the gateway's record, unless it is there. Fenced. `received`: the digest that the gateway gave it. */
export async function addEvidence(db: Kysely<Schema>, fence: number, row: EvidenceRow, received = ""): Promise<void> {
  await sql`insert into evidence (run, seq, at_ms, door, method, target, verdict, rule, bytes_in, bytes_out, status, duration_ms, usage, digest, received, times)
    select ${row.run}, ${row.seq}, ${row.atMs}, ${row.door}, ${storableText(row.method)}, ${storableText(row.target)}, ${row.verdict}, ${row.rule}, ${row.bytesIn}, ${row.bytesOut},
      ${row.status}, ${row.durationMs}, ${row.usage ? storableJson(row.usage) : null}::jsonb, ${row.digest ?? ""}, ${received}, ${row.times ?? null}
    where exists (select 1 from runs where id = ${row.run} and fence = ${fence}) on conflict do nothing`.execute(db);
}

export async function evidenceOf(db: Kysely<Schema>, run: RunId): Promise<EvidenceRow[]> {
  return (await readEvidence(db, run)).map(({ row }) => row);
}

/** The rows with the digests that the gateway gave them: where its own chain stands. */
export async function receivedOf(db: Kysely<Schema>, run: RunId): Promise<EvidenceRow[]> {
  return (await readEvidence(db, run)).map(({ row, received }) => ({ ...row, digest: received }));
}

async function readEvidence(db: Kysely<Schema>, run: RunId): Promise<{ row: EvidenceRow; received: string }[]> {
  const rows = await db.selectFrom("evidence").selectAll().where("run", "=", run).orderBy("seq").execute();
  return rows.map((row) => ({
    received: row.received,
    row: {
      run: row.run,
      seq: row.seq,
      atMs: Number(row.at_ms),
      door: row.door as EvidenceRow["door"],
      method: row.method,
      target: row.target,
      verdict: row.verdict,
      rule: row.rule,
      bytesIn: Number(row.bytes_in),
      bytesOut: Number(row.bytes_out),
      status: row.status,
      durationMs: row.duration_ms,
      ...(row.usage && { usage: row.usage as unknown as NonNullable<EvidenceRow["usage"]> }),
      ...(row.times !== null && { times: row.times }),
      digest: row.digest,
    },
  }));
}

/** Where the run's chain stands. */
export async function lastLink(db: Kysely<Schema>, run: RunId): Promise<ChainLink> {
  const last = db.selectFrom("evidence").select(["seq", "digest", "received"]).where("run", "=", run).orderBy("seq", "desc");
  return (await last.limit(1).executeTakeFirst()) ?? { seq: 0, digest: firstDigest(run), received: firstDigest(run) };
}
