import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LimitName, type LimitWish, lowerLimits, type RunLimits } from "../../../src/run/limits.ts";

const gibibyte = 1024 ** 3;
const maximum: RunLimits = {
  ...{ minutes: 60, memoryBytes: 4 * gibibyte, cpus: 2, processes: 1024, diskBytes: 8 * gibibyte, diskFiles: 1_000_000 },
  ...{ outputBytes: 64 * 1024 ** 2, stallMinutes: 10, loopCalls: 8, attempts: 3, waitHours: 24, budgetMicroUsd: 10_000_000 },
};
const names: LimitName[] = [...(Object.keys(maximum) as LimitName[]), "budgetTokens"];

describe("a repository's limits", () => {
  it("lower the operator's", () => {
    const { limits, told } = lowerLimits(maximum, { minutes: 5, memoryBytes: gibibyte, budgetTokens: 9_000 });
    expect(limits).toEqual({ ...maximum, minutes: 5, memoryBytes: gibibyte, budgetTokens: 9_000 });
    expect(told).toEqual([]);
  });

  it("are not given beyond the operator's, which is said", () => {
    const wish: LimitWish = {
      memoryBytes: 8 * gibibyte,
      cpus: 2.5,
      processes: 4096,
      budgetMicroUsd: "none",
      diskFiles: 2_000_000,
    };
    const { limits, told } = lowerLimits(maximum, wish);
    expect(limits).toEqual(maximum);
    expect(told).toEqual([
      ".github/agent.yml asks for 8 GiB of memory; the operator allows 4 GiB of memory, which holds.",
      ".github/agent.yml asks for 2.5 processors; the operator allows 2 processors, which holds.",
      ".github/agent.yml asks for 4,096 processes; the operator allows 1,024 processes, which holds.",
      ".github/agent.yml asks for 2,000,000 files and folders; the operator allows 1,000,000 files and folders, which holds.",
      ".github/agent.yml asks for money without limit; the operator allows $10.00, which holds.",
    ]);
  });

  it("never raise anything, whatever is asked for", () => {
    const value = fc.oneof(fc.constant("none" as const), fc.double({ min: 0, noNaN: true }));
    const wishes = fc.dictionary(fc.constantFrom(...names), value) as fc.Arbitrary<LimitWish>;
    fc.assert(
      fc.property(wishes, (wish) => {
        const { limits, told } = lowerLimits(maximum, wish);
        const above = names.filter((name) => (limits[name] ?? Infinity) > (maximum[name] ?? Infinity));
        const notGiven = Object.entries(wish).filter(([name, asked]) => {
          const most = maximum[name as LimitName];
          return most !== undefined && (asked === "none" || asked > most);
        });
        return above.length === 0 && told.length === notGiven.length;
      }),
    );
  });
});
