import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBaseName, parseBranchName, parseBranchRef, printBaseName, readGeneration } from "../../../src/git/names.ts";

describe("names of the git host", () => {
  it("reads a base's name back", () => {
    const name = printBaseName({ repositoryId: 123, branchKey: "0123456789abcdef", generation: 12 });
    expect(parseBaseName(name)).toBe(name);
    expect(readGeneration(name)).toBe(12);
    for (const odd of ["../x", "1-0123456789abcdef-0", "1-0123456789ABCDEF-1", "1-0123456789abcdef-1/..", `${name}\n`])
      expect(parseBaseName(odd)).toBeUndefined();
  });

  it("[25] takes branches that git takes, and no name that is a path or an option", () => {
    for (const branch of ["main", "agent/issue-7", "feature/ü", "a.b", "@x"])
      expect(parseBranchName(branch), branch).toBe(branch);
    for (const odd of [
      "",
      "-x",
      "a..b",
      "a/../b",
      "/a",
      "a/",
      "a//b",
      ".a",
      "a/.b",
      "a.lock",
      "a b",
      "a\nb",
      "a:b",
      "a~1",
      "a^",
      "a?",
      "a*",
      "a[",
      "a\\b",
      "@{u}",
      "@",
      "HEAD",
      "a.",
      "x".repeat(245),
    ]) {
      expect(parseBranchName(odd), odd).toBeUndefined();
    }
    expect(parseBranchRef("refs/heads/main")).toBe("refs/heads/main");
    for (const odd of ["main", "refs/tags/x", "refs/heads/", "refs/heads/a/../b", "refs/replace/x", "Refs/heads/main"])
      expect(parseBranchRef(odd), odd).toBeUndefined();
  });

  it("[25] never accepts a name with a character that ends a ref, a line or an argument", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom("\0", "\n", " ", ":", "..", "^", "~"),
        fc.string(),
        (a, odd, b) => parseBranchName(a + odd + b) === undefined,
      ),
    );
  });
});
