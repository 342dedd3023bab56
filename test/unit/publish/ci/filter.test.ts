import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { passesFilter } from "../../../../src/publish/ci/filter.ts";
import { workedMs } from "../../../helpers/worked.ts";

describe("GitHub's filter of branches", () => {
  it.each<[string[], string, boolean | undefined]>([
    [["main"], "main", true],
    [["main"], "mainly", false],
    [["*"], "main", true],
    [["*"], "agent/issue-7", false],
    [["**"], "agent/issue-7", true],
    [["agent/**"], "agent/issue-7", true],
    [["agent/*"], "agent/issue-7", true],
    [["**/issue-[0-9]+"], "agent/issue-77", true],
    [["**/issue-[0-9]+"], "agent/issue-x", false],
    [["**", "!agent/**"], "agent/issue-7", false],
    [["!agent/**", "**"], "agent/issue-7", true],
    [["mai?n"], "man", true],
    [["mai?n"], "main", true],
    [["v[12].[0-9]+"], "v1.23", true],
    [["\\*"], "*", true],
    [["[x"], "x", undefined],
    [["?x"], "x", undefined],
    [["x".repeat(300)], "x", undefined],
    [[], "x", false],
  ])("%j on %s is %s", (patterns, branch, passes) => {
    expect(passesFilter(patterns, branch)).toBe(passes);
  });

  it("lets every plain name through its own pattern, and is quick on any", () => {
    const plain = fc.stringMatching(/^[a-z0-9/_-]{1,60}$/);
    fc.assert(fc.property(plain, (name) => passesFilter([name], name) === true));
    const startedMs = workedMs();
    passesFilter(["**a".repeat(80)], "a".repeat(240));
    fc.assert(fc.property(fc.array(fc.string()), fc.string(), (patterns, name) => void passesFilter(patterns, name)));
    expect(workedMs() - startedMs).toBeLessThan(5_000);
  });
});
