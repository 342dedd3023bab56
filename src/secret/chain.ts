import { createHash } from "node:crypto";
import type { EvidenceRow } from "../run/evidence.ts";
import type { RunId } from "../run/identity.ts";

/**
 * Chains the rows of one run: each digest covers its row and the digest before it, so that no row can be changed, taken out, put in
 * or moved without every later digest changing. Lower-case hex of SHA-256.
 */
export function digestOf(before: string, row: EvidenceRow): string {
  return createHash("sha256")
    .update(`${before}\n${canonical(row)}`)
    .digest("hex");
}

/** What stands before a run's first row. */
export function firstDigest(run: RunId): string {
  return createHash("sha256").update(`airlock evidence ${run}`).digest("hex");
}

/** The end of a chain: how many rows, and the digest of the last. */
export interface ChainHead {
  rows: number;
  digest: string;
}

export type ChainVerdict = { ok: true; head: ChainHead } | { ok: false; seq: number; why: string };

/** Recomputes the chain and names the first row that does not fit. `noted`: what was noted as its end, beside the rows. */
export function verifyChain(run: RunId, rows: readonly EvidenceRow[], noted?: ChainHead): ChainVerdict {
  let digest = firstDigest(run);
  let seq = 0;
  for (const row of rows) {
    seq += 1;
    if (row.seq !== seq)
      return { ok: false, seq, why: `row ${seq} is missing or out of order: row ${row.seq} stands in its place` };
    if (row.run !== run) return { ok: false, seq, why: `row ${seq} belongs to another run` };
    if (!row.digest) return { ok: false, seq, why: `row ${seq} came to the App in another form than the gateway wrote it` };
    digest = digestOf(digest, row);
    if (row.digest !== digest) return { ok: false, seq, why: `row ${seq} does not fit its digest` };
  }
  if (noted && noted.rows !== seq)
    return {
      ok: false,
      seq: Math.min(seq, noted.rows) + 1,
      why: `${seq} rows are there, and ${noted.rows} were noted at the end`,
    };
  if (noted && noted.digest !== digest)
    return { ok: false, seq, why: "the last digest is not the one that was noted at the end" };
  return { ok: true, head: { rows: seq, digest } };
}

/** How far a chain has come: `received` as the gateway counts it, `digest` as it is kept, where secrets are redacted. */
export interface ChainLink {
  seq: number;
  digest: string;
  received: string;
}

/**
 * The links of a row that has come. `digest` is "" where it does not follow what came before it: the row is kept, and verifying names
 * it. `kept`: the row as it will be stored.
 */
export function linkRow(before: ChainLink, row: EvidenceRow, kept: EvidenceRow): ChainLink {
  const fits = row.seq === before.seq + 1 && row.digest === digestOf(before.received, row);
  return { seq: row.seq, received: row.digest ?? "", digest: fits ? digestOf(before.digest, kept) : "" };
}

/** The same text for the same row, whoever wrote it down and in whatever order. */
function canonical(row: EvidenceRow): string {
  const { run, seq, atMs, door, method, target, verdict, rule, bytesIn, bytesOut, status, durationMs, usage, times } = row;
  const counted = usage ? Object.entries(usage).sort(([one], [other]) => (one < other ? -1 : 1)) : null;
  const parts = [run, seq, atMs, door, method, target, verdict, rule, bytesIn, bytesOut, status, durationMs, counted];
  // At the end and only where it is: rows of before keep their digest.
  return JSON.stringify(times === undefined ? parts : [...parts, times]);
}
