import { describe, expect, it } from "vitest";
import { decideStanding } from "../../../src/publish/standing.ts";
import { decideTarget } from "../../../src/publish/target.ts";

const branch = "feature/wording";
const at = (tip: "as-it-was" | "ahead" | "forced" | "gone", state?: "open" | "closed" | "merged") =>
  decideStanding({ branch, tip, ...(state && { pull: { number: 7, state } }) });

describe("the branch that the work is for", () => {
  it("is pushed to where nobody has touched it", () => {
    expect(at("as-it-was")).toBeUndefined();
    expect(at("as-it-was", "open")).toBeUndefined();
  });

  it.each([
    ["publish.branch-moved", at("ahead"), /Somebody pushed to `feature\/wording`/],
    ["publish.branch-forced", at("forced", "open"), /force-pushed `feature\/wording`.*not in the branch any more/],
    ["publish.branch-gone", at("gone", "closed"), /deleted the branch `feature\/wording`/],
    ["publish.pull-closed", at("as-it-was", "closed"), /#7 was closed while the agent worked/],
    ["publish.pull-closed", at("as-it-was", "merged"), /#7 was merged while the agent worked/],
  ])("is left alone otherwise (%s), with what happened and where the work is", (code, reason, words) => {
    expect(reason).toMatchObject({ code, words: expect.stringMatching(words) });
    expect(reason?.remedy).toMatch(/^The work is kept as a patch on the run's page\. /);
  });
});

describe("the branch that a pull request goes into", () => {
  const of = { target: "main", exists: false, defaultBranch: "trunk", holdsBase: true };
  it("is the one that was asked for, while that is there", () => {
    expect(decideTarget({ ...of, exists: true })).toEqual({ is: "as-asked" });
  });
  it("is the default branch where that has what the work began on: the target was renamed", () => {
    expect(decideTarget(of)).toEqual({ is: "instead", branch: "trunk" });
  });
  it("is none where nothing leads there: a person opens it", () => {
    expect(decideTarget({ ...of, holdsBase: false })).toEqual({ is: "gone" });
    expect(decideTarget({ ...of, defaultBranch: "main" })).toEqual({ is: "gone" });
  });
});
