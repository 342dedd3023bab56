import { describe, expect, it } from "vitest";
import { decideMoved, printExposure } from "../../../src/run/exposure.ts";

const [a, b] = ["a".repeat(40), "b".repeat(40)];

describe("what a token inside opened", () => {
  it("finds what is new, gone and moved, and nothing else", () => {
    const before = { "refs/heads/main": a, "refs/heads/old": a, "refs/tags/v1": a };
    const after = { "refs/heads/main": b, "refs/tags/v1": a, "refs/tags/constructor": b };
    expect(decideMoved(before, after)).toEqual([
      { ref: "refs/heads/main", from: a, to: b },
      { ref: "refs/heads/old", from: a },
      { ref: "refs/tags/constructor", to: b },
    ]);
    expect(decideMoved(before, before)).toEqual([]);
  });

  it("says whether the target is protected, from the start", () => {
    expect(printExposure({ branch: "main", protected: false, refs: {} }, undefined, false)).toEqual([
      expect.stringContaining("main is not protected: the token inside can rewrite it"),
    ]);
    expect(printExposure({ branch: "main", protected: true }, undefined, false)[0]).toContain("main is protected");
    expect(printExposure({ branch: "main" }, undefined, false)[0]).toContain("could not be read");
  });

  it("names what moved, twenty at most, and says where nothing could be compared", () => {
    const exposure = { branch: "main", protected: false, refs: {} };
    expect(printExposure(exposure, undefined, true)[1]).toContain("could not be compared");
    expect(printExposure(exposure, [], true)).toHaveLength(1);
    const moved = Array.from({ length: 50 }, (_, index) => ({ ref: `refs/heads/${index}`, to: a }));
    const said = printExposure(exposure, moved, true);
    expect(said).toHaveLength(22);
    expect(said[1]).toContain("refs/heads/0 is new, at aaaaaaaaaaaa");
    expect(said.at(-1)).toBe("30 more refs moved meanwhile.");
    expect(printExposure(exposure, [{ ref: "refs/heads/main", from: a, to: b }], true)[1]).toContain(
      "moved from aaaaaaaaaaaa to bbbbbbbbbbbb",
    );
  });
});
