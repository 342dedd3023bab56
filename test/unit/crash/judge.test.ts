import { describe, expect, it } from "vitest";
import type { Run } from "../../../src/run/state.ts";
import type { Job } from "../../crash/jobs.ts";
import { type IssueSeen, judge, type RunSeen, type Seen } from "../../crash/judge.ts";
import { pins, stand } from "../run/facts.ts";

const ended: Run = { at: "ended", ending: { outcome: "succeeded" } };
const failed: Run = { at: "ended", ending: { outcome: "failed" } };
const run = (subject: number, state: Run = ended): RunSeen => ({
  ...{ id: `run${subject}`, subject, createdAtMs: 1, state },
  facts: [
    { atMs: 2, fact: { is: "pinned", pins } },
    { atMs: 3, fact: { is: "announced", stand } },
    { atMs: 4, fact: { is: "slot-taken", slot: { uid: 7 } } },
    { atMs: 5, fact: { is: "prepared", promptBytes: 1, removed: [] } },
    { atMs: 6, fact: { is: "sealed", checks: [] } },
    { atMs: 10, fact: { is: "launched", atMs: 10, deadlineAtMs: 99 } },
    { atMs: 20, fact: { is: "agent-ended", exitCode: 0, oomKilled: false } },
  ],
});
const job = (number: number, change: Partial<Job> = {}): Job => ({ kind: "work", number, file: "n", issue: number, ...change });
const kill = (atMs: number) => ({ atMs, what: "app", victim: "app", vain: false });
const issue: IssueSeen = {
  ...{ number: 1, comments: [{ on: 1, end: "succeeded" }], pulls: ["agent/issue-1"] },
  branches: [{ name: "agent/issue-1", commits: 1, files: ["n"] }],
};
const well: Seen = {
  ...{ jobs: [job(1)], runs: [run(1)], issues: [issue], kills: [kill(15)], leftovers: [], live: 0, unanswered: 0 },
  checks: [{ run: "run1", commit: "a", completed: true }],
};
const withIssue = (change: Partial<IssueSeen>): Seen => ({ ...well, issues: [{ ...issue, ...change }] });

describe("what came of the kills", () => {
  it("is nothing, where every request has its one end", () => {
    expect(judge(well)).toMatchObject({ lost: 0, duplicated: 0, orphans: 0, liveTokens: 0, survived: 1, faults: [] });
  });

  it("counts a request without a run, and a run without an end, as lost", () => {
    expect(judge({ ...well, jobs: [job(1), job(2)] }).lost).toBe(1);
    expect(judge({ ...well, runs: [run(1, { at: "accepted" })] })).toMatchObject({ lost: 1, survived: 0 });
  });

  it("counts whatever is there twice", () => {
    const twice = <T>(one: T) => [one, one];
    for (const seen of [
      withIssue({ comments: issue.comments.flatMap(twice) }),
      withIssue({ pulls: issue.pulls.flatMap(twice) }),
      withIssue({ branches: issue.branches.map((branch) => ({ ...branch, commits: 2 })) }),
      withIssue({
        branches: ["", "-2"].map((nth) => ({ name: `agent/issue-1${nth}`, commits: 1, files: ["n"] })),
        pulls: ["agent/issue-1", "agent/issue-1-2"],
      }),
      { ...well, checks: well.checks.flatMap(twice) },
      { ...well, runs: [run(1), run(1)] },
    ])
      expect(judge(seen), JSON.stringify(seen)).toMatchObject({ duplicated: 1, faults: [expect.stringMatching("^duplicated")] });
  });

  it("takes two jobs on one branch for two commits", () => {
    const again = job(9, { kind: "again", issue: 1, file: "m" });
    const both = withIssue({
      comments: [...issue.comments, { on: 9, end: "succeeded" }],
      branches: [{ name: "agent/issue-1", commits: 2, files: ["m", "n"] }],
    });
    expect(judge({ ...both, jobs: [job(1), again], runs: [run(1), run(9)] })).toMatchObject({ duplicated: 0, faults: [] });
  });

  it("counts what GitHub goes on showing as if somebody were at it among what is left", () => {
    expect(judge({ ...well, checks: [{ run: "run1", commit: "a", completed: false }] }).orphans).toBe(1);
    expect(judge(withIssue({ pulls: [] })).orphans).toBe(1);
    expect(judge({ ...well, leftovers: ["container x"] }).orphans).toBe(1);
  });

  it("misses work that was said to be done, and an end that was not told", () => {
    const empty = withIssue({ branches: [{ name: "agent/issue-1", commits: 1, files: [] }] });
    expect(judge(empty).faults).toMatchObject([expect.stringMatching("^work is missing")]);
    expect(judge(withIssue({ comments: [{ on: 1, end: undefined }] })).faults).toMatchObject([
      expect.stringMatching("^not told"),
    ]);
  });

  it("lets a run end only as its job may", () => {
    const nothing: Run = { at: "ended", ending: { outcome: "no_changes" } };
    const none = withIssue({ comments: [{ on: 1, end: "no_changes" }], branches: [], pulls: [] });
    expect(judge({ ...none, jobs: [job(1, { kind: "nothing" })], runs: [run(1, nothing)] }).faults).toEqual([]);
    expect(judge({ ...none, runs: [run(1, nothing)] }).faults).toHaveLength(2);
  });

  it("counts a token as lost only where the ledger says that its answer never came", () => {
    expect(judge({ ...well, live: 2, unanswered: 1 })).toMatchObject({ liveTokens: 1, lostMints: 1 });
    expect(judge({ ...well, live: 0, unanswered: 3 })).toMatchObject({ liveTokens: 0, lostMints: 0 });
  });

  it("counts as survivors only runs whose agent worked at a kill, and at what place each kill met a run", () => {
    expect(judge({ ...well, jobs: [job(1), job(2)], runs: [run(1), run(2, failed)] }).survived).toBe(0.5);
    const early = judge({ ...well, kills: [0, 1, 5, 15].map(kill), runs: [run(1)] });
    expect(early.stages).toEqual({ accepted: 1, sealing: 1, working: 1 });
    expect(judge({ ...well, kills: [kill(8)], runs: [run(1, failed)] }).survived).toBe(1);
  });
});
