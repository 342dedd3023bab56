import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideNetworkRows, keyOf, type NetworkRecord, parseNetworkNote } from "../../../src/gateway/network.ts";
import { furtherTargets, type RefusedTotal } from "../../../src/run/evidence.ts";

const dial = (target: string, times: number): RefusedTotal => ({ rule: "firewall.address", method: "TCP", target, times });
const name = (target: string, times: number): RefusedTotal => ({ rule: "resolver.name", method: "DNS", target, times });
/** As the gateway does it: what is decided is recorded. */
function note(record: NetworkRecord, totals: RefusedTotal[], last: boolean): RefusedTotal[] {
  const rows = decideNetworkRows(record, { totals, last });
  for (const row of rows) record.set(keyOf(row), (record.get(keyOf(row)) ?? 0) + row.times);
  return rows;
}

describe("what a network refused, on the record", () => {
  it("has a row for what is new, none for what is known, and the rest at the last", () => {
    const record: NetworkRecord = new Map();
    expect(note(record, [dial("192.0.2.1:80", 3)], false)).toEqual([dial("192.0.2.1:80", 3)]);
    expect(note(record, [dial("192.0.2.1:80", 5), name("a.test", 1)], false)).toEqual([name("a.test", 1)]);
    expect(note(record, [dial("192.0.2.1:80", 7)], false)).toEqual([dial("192.0.2.1:80", 4)]);
    expect(note(record, [dial("192.0.2.1:80", 8), name("a.test", 1)], true)).toEqual([dial("192.0.2.1:80", 1)]);
    expect(note(record, [dial("192.0.2.1:80", 8), name("a.test", 1)], true)).toEqual([]);
  });

  it("is fifty rows a rule and one more for a flood", () => {
    const record: NetworkRecord = new Map();
    const flood = Array.from({ length: 4_000 }, (_, index) => dial(`192.0.2.${index}:80`, 2));
    const rows = note(record, [...flood, name("a.test", 1)], true);
    expect(rows).toHaveLength(52);
    expect(rows).toContainEqual({ rule: "firewall.address", method: "", target: furtherTargets, times: 7_900 });
    expect(rows).toContainEqual(name("a.test", 1));
  });

  it("adds up to what was told, however often it was told, and names no more than it may", () => {
    const target = fc.nat(80).map((index) => `192.0.2.${index}:80`);
    const step = fc.dictionary(target, fc.integer({ min: 1, max: 50 }), { maxKeys: 60 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        const record: NetworkRecord = new Map();
        const sums = new Map<string, number>();
        for (const more of steps) {
          for (const [key, times] of Object.entries(more)) sums.set(key, (sums.get(key) ?? 0) + times);
          const totals = [...sums].map(([key, times]) => dial(key, times));
          note(record, totals, false);
        }
        const totals = [...sums].map(([key, times]) => dial(key, times));
        note(record, totals, true);
        const all = (of: Iterable<number>) => [...of].reduce((sum, times) => sum + times, 0);
        expect(all(record.values())).toBe(all(sums.values()));
        expect(record.size).toBeLessThanOrEqual(51);
      }),
    );
  });

  it("is taken in one form only", () => {
    const note = { totals: [dial("192.0.2.1:80", 3)], last: false };
    expect(parseNetworkNote(note)).toEqual(note);
    for (const wrong of [
      ...[
        null,
        {},
        { totals: [], last: 1 },
        { totals: "x", last: true },
        { totals: Array(9_000).fill(dial("x", 1)), last: true },
      ],
      ...[{ rule: "model.messages" }, { target: "x".repeat(600) }, { times: 0 }, { times: 1.5 }, { method: 5 }].map((change) => ({
        totals: [{ ...dial("x", 1), ...change }],
        last: true,
      })),
    ])
      expect(parseNetworkNote(wrong), JSON.stringify(wrong).slice(0, 80)).toBeUndefined();
  });
});
