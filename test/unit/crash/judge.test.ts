import { describe, expect, it } from "vitest";
import type { Run } from "../../../src/run/state.ts";
import { judge, type RunSeen, type Seen } from "../../crash/judge.ts";

const ended: Run = { at: "ended", ending: { outcome: "succeeded" } };
const run = (issue: number, state: Run = ended): RunSeen => ({
  ...{ id: `run${issue}`, issue, state },
  facts: [
    { atMs: 10, fact: { is: "launched", atMs: 10, deadlineAtMs: 99 } },
    { atMs: 20, fact: { is: "agent-ended", exitCode: 0, oomKilled: false } },
  ],
});
const well: Seen = {
  ...{ asked: [1], runs: [run(1)], killedAtMs: [15], leftovers: [], live: 0, unanswered: 0 },
  issues: [{ number: 1, comments: 1, checks: ["run1 on a"], pulls: ["agent/issue-1"], commits: 1 }],
};

describe("what came of the kills", () => {
  it("is nothing, where every request has its one end", () => {
    expect(judge(well)).toMatchObject({ lost: 0, duplicated: 0, orphans: 0, liveTokens: 0, survived: 1, faults: [] });
  });

  it("counts a request without a run, and a run without an end, as lost", () => {
    expect(judge({ ...well, asked: [1, 2] }).lost).toBe(1);
    expect(judge({ ...well, runs: [run(1, { at: "accepted" })] })).toMatchObject({ lost: 1, survived: 0 });
  });

  it("counts whatever is there twice", () => {
    const issue = well.issues[0] as Seen["issues"][number];
    for (const change of [{ comments: 2 }, { checks: ["a on b", "a on b"] }, { pulls: ["x", "x"] }, { commits: 2 }])
      expect(judge({ ...well, issues: [{ ...issue, ...change }] }).duplicated, JSON.stringify(change)).toBe(1);
    expect(judge({ ...well, runs: [run(1), run(1)] }).duplicated).toBe(1);
  });

  it("counts a token as lost only where the ledger says that its answer never came", () => {
    expect(judge({ ...well, live: 2, unanswered: 1 })).toMatchObject({ liveTokens: 1, lostMints: 1 });
    expect(judge({ ...well, live: 0, unanswered: 3 })).toMatchObject({ liveTokens: 0, lostMints: 0 });
  });

  it("counts as survivors only runs whose agent worked at a kill", () => {
    const failed: Run = { at: "ended", ending: { outcome: "failed" } };
    expect(judge({ ...well, asked: [1, 2], runs: [run(1), run(2, failed)] }).survived).toBe(0.5);
    expect(judge({ ...well, killedAtMs: [5, 25], runs: [run(1, failed)] }).survived).toBe(1);
  });
});
