import { describe, expect, it } from "vitest";
import { planBases } from "../../../src/disk/bases.ts";
import type { BaseState } from "../../../src/git/host/bases.ts";
import type { BaseName } from "../../../src/git/names.ts";

const state = (name: string, usedAtMs: number, packs = 1): BaseState => ({ base: name as BaseName, usedAtMs, bytes: 10, packs });
const [main, next] = ["7-0123456789abcdef", "7-fedcba9876543210"];
const plan = (bases: BaseState[], borrowed: string[] = []) => {
  const seen = planBases({ bases, borrowed: new Set(borrowed as BaseName[]), keepMs: 100, nowMs: 1_000 });
  return Object.fromEntries(Object.entries(seen).map(([what, those]) => [what, those.map(({ base }: BaseState) => base)]));
};

describe("what is done with bases", () => {
  it("goes by their last use, and may be nothing", () => {
    const bases = [state(`${main}-1`, 950), state(`${next}-1`, 900)];
    expect(plan(bases)).toEqual({ stale: [], spare: [`${next}-1`, `${main}-1`], worn: [] });
    expect(plan([])).toEqual({ stale: [], spare: [], worn: [] });
  });

  it("is removal after their time, or where a newer generation stands", () => {
    const bases = [state(`${main}-9`, 990), state(`${main}-10`, 980), state(`${next}-1`, 899)];
    expect(plan(bases)).toEqual({ stale: [`${next}-1`, `${main}-9`], spare: [`${main}-10`], worn: [] });
  });

  it("is nothing at all where a run leans on them", () => {
    const bases = [state(`${main}-1`, 0, 99), state(`${main}-2`, 990, 99)];
    expect(plan(bases, [`${main}-1`, `${main}-2`])).toEqual({ stale: [], spare: [], worn: [] });
    expect(plan(bases, [`${main}-2`]).stale).toEqual([`${main}-1`]);
  });

  it("is a repack where many fetches have left as many packs", () => {
    const bases = [state(`${main}-1`, 990, 21), state(`${next}-1`, 990, 20)];
    expect(plan(bases).worn).toEqual([`${main}-1`]);
  });

  it("does not hang on a clock that was set back", () => {
    expect(plan([state(`${main}-1`, 5_000)]).stale).toEqual([]);
  });
});
