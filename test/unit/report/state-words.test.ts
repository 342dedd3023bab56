import { describe, expect, it } from "vitest";
import { factWords } from "../../../src/report/fact-words.ts";
import { stateWords } from "../../../src/report/state-words.ts";
import { conclusionOf } from "../../../src/run/outcome.ts";
import { pins, states } from "../run/facts.ts";

describe("the words for a run", () => {
  it("are one short sentence for each place", () => {
    for (const run of states) expect(stateWords(run)).toMatch(/^[A-Z][^\n]{5,80}\.$/);
  });

  it("name the place in the queue", () => {
    const run = states.find(({ at }) => at === "queued");
    if (!run) throw new Error("no run is queued");
    expect([1, 2, 12].map((position) => stateWords(run, { position }))).toEqual([
      "Next in the queue.",
      "Waiting for a free place: number 2 in the queue.",
      "Waiting for a free place: number 12 in the queue.",
    ]);
  });

  it("say that the disk is full, but not in place of a pause", () => {
    const run = states.find(({ at }) => at === "queued");
    if (!run) throw new Error("no run is queued");
    const full = { path: "/data", usedPercent: 91, boundPercent: 85 };
    expect(stateWords(run, { position: 1, full })).toBe(
      "Waiting: the machine's disk is 91 % full, and runs begin below 85 %. It starts by itself when there is room.",
    );
    expect(stateWords(run, { position: 1, full, pausedBy: "ada" })).toMatch(/^Paused by ada/);
  });

  it("tell of held work whose machine is away", () => {
    const run = states.find(({ at }) => at === "held");
    if (!run) throw new Error("no run is held");
    const seenAtMs = Date.UTC(2026, 10, 27, 9, 30);
    expect(stateWords(run, { silent: { machine: "b", seenAtMs } })).toBe(
      "Held: a person decides whether the work is published. It is on the machine b, which has not been heard of since 2026-11-27 09:30 UTC: nothing is published before that is back.",
    );
    expect(stateWords(run, { silent: { machine: "b" } })).toContain("which has not been heard of: nothing");
  });

  it("tell of an authorised commit which one", () => {
    expect(factWords({ is: "pinned", pins })).toEqual({ words: "Authorised and pinned", detail: "main at aaaaaaaaaaaa" });
    expect(factWords({ is: "pinned", pins: { ...pins, headBranch: "feature" } }).detail).toBe("feature at aaaaaaaaaaaa");
  });

  it("of its check are GitHub's conclusions", () => {
    const outcomes = ["succeeded", "no_changes", "refused", "failed", "timed_out", "cancelled", "over_budget"] as const;
    expect(outcomes.map(conclusionOf)).toEqual(["success", "neutral", "failure", "failure", "timed_out", "cancelled", "failure"]);
  });
});
