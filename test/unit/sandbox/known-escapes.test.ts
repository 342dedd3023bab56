import { describe, expect, it } from "vitest";
import { findKnownEscapes } from "../../../src/sandbox/known-escapes.ts";

describe("known ways out of an engine", () => {
  it.each([
    ["1.1.5", 2],
    ["1.1.5+ds1-1+deb12u1", 1],
    ["1.1.12", 1],
    // Of another release: that revision mended something else.
    ["1.0.0~rc93+ds1-5+deb11u1", 2],
    ["1.2.8", 0],
    ["1.3.0", 1],
    ["1.3.3", 0],
    ["1.10.0", 0],
    ["2.0.0", 0],
    ["", 0],
  ])("[58] of runc %s are %i", (runcVersion, count) => {
    expect(findKnownEscapes({ runcVersion })).toHaveLength(count);
  });
});
