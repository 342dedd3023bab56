import { describe, expect, it } from "vitest";
import { type DiskUse, findFull, leftBytes, printFull } from "../../../src/run/full.ts";

const disk = (usedBytes: number, availableBytes: number, path = "/data"): DiskUse => ({
  ...{ of: ["data"], path, usedBytes, availableBytes },
});

describe("a disk", () => {
  it.each([
    [849, 151, undefined],
    [850, 150, 85],
    [919, 81, 91],
    [1_000, 0, 100],
    // What is kept back for root is neither used nor free.
    [90, 10, 90],
  ])("with %i used and %i free is full to %s percent of a bound of 85", (used, free, usedPercent) => {
    const full = usedPercent === undefined ? undefined : { path: "/data", usedPercent, boundPercent: 85 };
    expect(findFull([disk(used, free)], 85)).toEqual(full);
  });

  it("is told of where it is the fullest", () => {
    expect(findFull([disk(10, 90), disk(99, 1, "/engine"), disk(90, 10)], 85)?.path).toBe("/engine");
  });

  it("has so much left until its bound, and no end without one", () => {
    expect([leftBytes(disk(600, 400), 85), leftBytes(disk(900, 100), 85)]).toEqual([250, -50]);
    expect(leftBytes(disk(1_000, 0), undefined)).toBe(Number.POSITIVE_INFINITY);
    expect(findFull([disk(1_000, 0)], undefined)).toBeUndefined();
  });

  it("that is full is told in words", () => {
    expect(printFull({ path: "/data", usedPercent: 91, boundPercent: 85 })).toBe(
      "the machine's disk is 91 % full, and runs begin below 85 %",
    );
  });
});
