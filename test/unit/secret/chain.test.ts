import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSpool } from "../../../src/gateway/spool.ts";
import type { EvidenceRow } from "../../../src/run/evidence.ts";
import type { RunId } from "../../../src/run/identity.ts";
import { type ChainLink, digestOf, firstDigest, linkRow, verifyChain } from "../../../src/secret/chain.ts";

const run = "abcdefghijklmnop" as RunId;
const one = { atMs: 1, door: "git", method: "GET", verdict: "allowed", rule: "r", bytesIn: 0, bytesOut: 9, status: 200 } as const;
const usage = { model: "m", inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 4 };

function chained(count: number): EvidenceRow[] {
  let digest = firstDigest(run);
  return Array.from({ length: count }, (_, index) => {
    const row: EvidenceRow = { run, seq: index + 1, ...one, target: `/${index}`, durationMs: 1, ...(index % 2 && { usage }) };
    digest = digestOf(digest, row);
    return { ...row, digest };
  });
}

const headOf = (rows: EvidenceRow[]) => ({ rows: rows.length, digest: rows.at(-1)?.digest ?? firstDigest(run) });

describe("a run's record", () => {
  it("fits as the gateway wrote it, whatever order its fields are read in", () => {
    const rows = chained(5);
    const turned = rows.map((row) => Object.fromEntries(Object.entries(row).reverse()) as unknown as EvidenceRow);
    expect(verifyChain(run, turned, headOf(rows))).toEqual({ ok: true, head: headOf(rows) });
    expect(verifyChain(run, [], headOf([]))).toMatchObject({ ok: true });
  });

  it("shows each field of each row that was changed", () => {
    const rows = chained(4);
    const head = headOf(rows);
    for (const [at, row] of rows.entries())
      for (const field of Object.keys(row)) {
        if (field === "usage") continue;
        const value = row[field as keyof EvidenceRow];
        const other = typeof value === "number" ? value + 1 : `${value}x`;
        const changed = rows.with(at, { ...row, [field]: other } as EvidenceRow);
        expect(verifyChain(run, changed, head), `${field} of row ${at + 1}`).toMatchObject({ ok: false, seq: at + 1 });
      }
    const spent = rows.with(1, { ...rows[1], usage: { ...usage, outputTokens: 1 } } as EvidenceRow);
    expect(verifyChain(run, spent, head)).toMatchObject({ ok: false, seq: 2 });
  });

  it("shows rows that were removed, moved, doubled, put in or chained anew", () => {
    const rows = chained(6);
    const head = headOf(rows);
    expect(verifyChain(run, rows.toSpliced(2, 1), head)).toMatchObject({ ok: false, seq: 3 });
    expect(verifyChain(run, rows.slice(0, -1), head)).toMatchObject({ ok: false, seq: 6 });
    expect(verifyChain(run, rows.slice(1), head)).toMatchObject({ ok: false, seq: 1 });
    const [a, b, ...rest] = rows as [EvidenceRow, EvidenceRow, ...EvidenceRow[]];
    expect(verifyChain(run, [b, a, ...rest], head)).toMatchObject({ ok: false, seq: 1 });
    expect(verifyChain(run, [{ ...b, seq: 1 }, { ...a, seq: 2 }, ...rest], head)).toMatchObject({ ok: false, seq: 1 });
    expect(verifyChain(run, [a, a, b, ...rest], head)).toMatchObject({ ok: false, seq: 2 });
    // Made anew from the second row on: every row fits, and the end that was noted does not.
    expect(verifyChain(run, chained(7), head)).toMatchObject({ ok: false });
    expect(verifyChain("zzzzzzzzzzzzzzzz" as RunId, rows, head)).toMatchObject({ ok: false, seq: 1 });
  });

  it("never fits after any change of its text that changes what it says", () => {
    const rows = chained(3);
    const text = JSON.stringify(rows);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(..."0123456789abcdefxyz/"), (at, letter) => {
        let read: EvidenceRow[];
        try {
          read = JSON.parse(text.slice(0, at) + letter + text.slice(at + 1)) as EvidenceRow[];
        } catch {
          return;
        }
        if (JSON.stringify(read) !== text) expect(verifyChain(run, read, headOf(rows)).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a row that comes to the App", () => {
  const begin: ChainLink = { seq: 0, digest: firstDigest(run), received: firstDigest(run) };
  const take = (rows: EvidenceRow[], keep = (row: EvidenceRow) => row) => {
    let link = begin;
    return rows.map((row) => {
      const kept = keep(row);
      link = linkRow(link, row, kept);
      return { ...kept, digest: link.digest };
    });
  };

  it("is kept with the gateway's own digest where nothing was redacted", () => {
    const rows = chained(4);
    expect(take(rows)).toEqual(rows);
  });

  it("is chained as it is kept where a secret was redacted", () => {
    const kept = take(chained(4), (row) => ({ ...row, target: row.target.replace("/1", "[redacted]") }));
    expect(kept.map(({ target }) => target)).toContain("[redacted]");
    expect(verifyChain(run, kept)).toMatchObject({ ok: true });
  });

  it("is kept and named where it does not follow what came before", () => {
    const rows = chained(4);
    const changed = rows.with(1, { ...rows[1], target: "/innocent" } as EvidenceRow);
    expect(verifyChain(run, take(changed))).toMatchObject({ ok: false, seq: 2 });
    expect(verifyChain(run, take(rows.toSpliced(1, 1)))).toMatchObject({ ok: false, seq: 2 });
  });
});

describe("the gateway's record on disk", () => {
  it("is chained as it is written, and goes on where a gateway that was killed left it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "spool-"));
    try {
      const write = (count: number) => {
        const spool = openSpool(folder, run);
        // A value that JSON does not carry must not be part of the digest.
        for (let i = 0; i < count; i++) spool.append({ ...one, target: "/", durationMs: 1, usage: undefined } as never);
        spool.end();
        return spool;
      };
      write(3);
      // Killed in the middle of a line.
      const path = join(folder, `${run}.ndjson`);
      writeFileSync(path, `${readFileSync(path, "utf8")}{"run":"abc`);
      const rows: EvidenceRow[] = [];
      for await (const row of write(2).follow(0, AbortSignal.timeout(5_000))) rows.push(row);
      expect(rows).toHaveLength(5);
      expect(verifyChain(run, rows)).toMatchObject({ ok: true, head: { rows: 5 } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
