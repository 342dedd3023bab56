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
    expect([1, 2, 12].map((position) => stateWords(run, position))).toEqual([
      "Next in the queue.",
      "Waiting for a free place: number 2 in the queue.",
      "Waiting for a free place: number 12 in the queue.",
    ]);
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
