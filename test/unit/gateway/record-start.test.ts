import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { countSpent, openLedger, readSpent } from "../../../src/gateway/model/ledger.ts";
import { chargeOf } from "../../../src/gateway/model/price.ts";
import { decideRecordStart, parseRecordStart } from "../../../src/gateway/record-start.ts";
import { openSpool } from "../../../src/gateway/spool.ts";
import type { EvidenceRow } from "../../../src/run/evidence.ts";
import type { RunId } from "../../../src/run/identity.ts";

const run = "abcdefghijklmnop" as RunId;
const usage = { model: "claude-sonnet-5", inputTokens: 100, outputTokens: 20, cacheReadTokens: 3, cacheWriteTokens: 4 };
const row = { run, atMs: 1, method: "POST", target: "/", verdict: "allowed", rule: "r", status: 200, durationMs: 1 } as const;
const rows: EvidenceRow[] = [
  { ...row, seq: 1, door: "model", bytesIn: 5, bytesOut: 7, usage, digest: "a".repeat(64) },
  { ...row, seq: 2, door: "connect", bytesIn: 1_000, bytesOut: 2_000, digest: "b".repeat(64) },
  { ...row, seq: 3, door: "connect", bytesIn: 1, bytesOut: 2, digest: "c".repeat(64) },
  { ...row, seq: 4, door: "model", bytesIn: 5, bytesOut: 7, usage, digest: "d".repeat(64) },
];

describe("a record that goes on elsewhere", () => {
  it("begins after the last row, with what all of them have used up", () => {
    expect(decideRecordStart([])).toBeUndefined();
    const start = decideRecordStart(rows);
    expect(start).toEqual({
      ...{ seq: 4, digest: "d".repeat(64), carried: { bytesIn: 1_001, bytesOut: 2_002 } },
      spent: { microUsd: 2 * chargeOf(usage).microUsd, tokens: 254 },
    });
    expect(chargeOf(usage).microUsd).toBeGreaterThan(0);
    expect(parseRecordStart(JSON.parse(JSON.stringify({ after: start })))).toEqual(start);
  });

  it("is taken from no order that lacks a part of it", () => {
    const whole = { ...decideRecordStart(rows) };
    const broken: fc.Arbitrary<unknown> = fc.oneof(
      fc.constant(undefined),
      fc.constant(-1),
      fc.constant("1"),
      fc.constant(0.5),
      fc.constant({}),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(whole)), broken, (part, value) => {
        expect(parseRecordStart({ after: { ...whole, [part]: value } })).toBeUndefined();
      }),
    );
    for (const body of [undefined, null, 1, {}, { after: null }, { after: [] }]) expect(parseRecordStart(body)).toBeUndefined();
  });
});

describe("what was used up elsewhere", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "start-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is counted by tunnels, also after the gateway was killed", () => {
    openSpool(folder, run, decideRecordStart(rows)).append({ ...row, door: "connect", bytesIn: 10, bytesOut: 20 });
    expect(openSpool(folder, run).carried("connect")).toEqual({ bytesIn: 1_011, bytesOut: 2_022 });
    expect(openSpool(folder, run).carried("model")).toEqual({ bytesIn: 0, bytesOut: 0 });
  });

  it("is spent, once, and what was spent here beside it is not forgotten", () => {
    const charge = fc.record({ microUsd: fc.nat(1_000), tokens: fc.nat(1_000) });
    fc.assert(
      fc.property(fc.array(charge, { maxLength: 4 }), charge, fc.boolean(), (calls, told, cut) => {
        const ledger = openLedger(folder, run);
        const own = { microUsd: 0, tokens: 0 };
        for (const call of calls) {
          const reserved = ledger.reserve({ microUsd: 1_000, tokens: 1_000 });
          if (!cut) reserved.settle(call);
          own.microUsd += cut ? 1_000 : call.microUsd;
          own.tokens += cut ? 1_000 : call.tokens;
        }
        const atLeast = { microUsd: Math.max(own.microUsd, told.microUsd), tokens: Math.max(own.tokens, told.tokens) };
        for (let times = 0; times < 2; times++) {
          countSpent(folder, run, told);
          expect(openLedger(folder, run).spent()).toEqual(atLeast);
          expect(readSpent(folder, run)).toEqual(atLeast);
        }
        rmSync(join(folder, `${run}.budget`), { force: true });
      }),
    );
  });
});
