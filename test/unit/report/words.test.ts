import { describe, expect, it } from "vitest";
import { printBytes, printCost, printCount, printNumberOf, printSpan, printTime } from "../../../src/report/words.ts";

describe("words for figures", () => {
  it("prints a span in the unit that people would say it in", () => {
    const spans = [-5, 0, 840, 1_000, 12_440, 59_949, 59_950, 245_000, 3_599_600, 7_380_000];
    expect(spans.map(printSpan)).toEqual([
      "0 ms",
      "0 ms",
      "840 ms",
      "1.0 s",
      "12.4 s",
      "59.9 s",
      "1 min 00 s",
      "4 min 05 s",
      "1 h 00 min",
      "2 h 03 min",
    ]);
  });

  it("separates thousands and agrees in number", () => {
    expect([0, 999, 1_000, 1_234_567].map(printCount)).toEqual(["0", "999", "1,000", "1,234,567"]);
    expect(printNumberOf(1, "request")).toBe("1 request");
    expect(printNumberOf(2_000, "request")).toBe("2,000 requests");
    expect(printNumberOf(2, "entry", "entries")).toBe("2 entries");
  });

  it("does not show a cheap run as free, nor an unknown price as nothing", () => {
    expect([undefined, 0, 0.0004, 0.0731, 1.5].map(printCost)).toEqual(["price unknown", "$0.00", "$0.0004", "$0.0731", "$1.50"]);
  });

  it("prints sizes and times without a locale", () => {
    expect([0, 999, 1_000, 48_200, 20_000_000].map(printBytes)).toEqual(["0 B", "999 B", "1.0 kB", "48 kB", "20 MB"]);
    expect(printTime(Date.UTC(2026, 10, 24, 23, 29, 4))).toBe("24 Nov 2026, 23:29:04 UTC");
  });
});
