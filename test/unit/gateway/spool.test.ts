import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openSpool } from "../../../src/gateway/spool.ts";
import type { RunId } from "../../../src/run/identity.ts";
import { firstDigest, verifyChain } from "../../../src/secret/chain.ts";

const run = "abcdefghijklmnop" as RunId;
const one = { atMs: 1, door: "git", method: "GET", verdict: "refused", rule: "r", bytesIn: 0, bytesOut: 9, status: 403 } as const;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spool-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("a name with a separator of lines neither hides a row nor keeps who follows it from the end", async () => {
  const spool = openSpool(folder, run);
  for (const name of ["a", "a\u2028b", "\u2029"]) spool.append({ ...one, target: `/refs/heads/${name}`, durationMs: 1 });
  spool.end();
  const rows = await Array.fromAsync(spool.follow(0, AbortSignal.timeout(2_000)));
  expect(rows.map(({ target }) => target)).toEqual(["/refs/heads/a", "/refs/heads/a\u2028b", "/refs/heads/\u2029"]);
  expect(verifyChain(run, rows, { rows: 3, digest: rows[2]?.digest ?? firstDigest(run) })).toMatchObject({ ok: true });
});

it("whoever follows reads each row once, however long the record is by then", async () => {
  const spool = openSpool(folder, run);
  for (let nth = 0; nth < 500; nth += 1) spool.append({ ...one, target: `/${nth}`, durationMs: 1 });
  const rows = spool.follow(0, AbortSignal.timeout(5_000));
  for (let nth = 0; nth < 500; nth += 1) await rows.next();
  const next = rows.next();
  const parse = vi.spyOn(JSON, "parse");
  try {
    spool.append({ ...one, target: "/é", durationMs: 1 });
    expect((await next).value).toMatchObject({ seq: 501, target: "/é" });
    const following = rows.next();
    spool.append({ ...one, target: "/last", durationMs: 1 });
    expect((await following).value).toMatchObject({ seq: 502, target: "/last" });
    expect(parse.mock.calls.length).toBeLessThan(20);
  } finally {
    parse.mockRestore();
  }
});
