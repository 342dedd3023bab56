import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plain, plainJson } from "../../../src/cli/plain.ts";
import { printAge, printTable } from "../../../src/cli/table.ts";
import { addTallies, checkTally, closingLine, emptyTally } from "../../../src/cli/test/tally.ts";

describe("text on the terminal", () => {
  it("[50] holds no control character, whatever came in", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(plain(text))));
  });

  it("keeps what people wrote", () => {
    expect(plain("Größe: 5 → 6, 日本")).toBe("Größe: 5 → 6, 日本");
  });

  it("as JSON is the same value, with nothing that a terminal obeys", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const line = plainJson({ text });
        expect(JSON.parse(line)).toEqual({ text });
        expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      }),
    );
  });
});

describe("tables", () => {
  it("align their columns and end in no space", () => {
    expect(
      printTable([
        ["A", "LONG"],
        ["long cell", ""],
        ["x", "y"],
      ]),
    ).toEqual(["A          LONG", "long cell", "x          y"]);
  });

  it("tell ages in one unit", () => {
    expect([0, 59_000, 60_000, 3_600_000, 172_800_000, -5].map(printAge)).toEqual(["0s", "59s", "1m", "1h", "2d", "0s"]);
  });
});

describe("the closing line", () => {
  it("adds up all that was run, and names skipped tests only where there are some", () => {
    expect(closingLine(addTallies(checkTally(), checkTally("tsc ended with 1"), checkTally()))).toBe("2 passed, 1 failed");
    expect(closingLine({ ...emptyTally(), passed: 3, skipped: 2 })).toBe("3 passed, 0 failed, 2 skipped");
  });
});
