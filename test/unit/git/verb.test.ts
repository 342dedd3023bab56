import { describe, expect, it } from "vitest";
import { decideVerb } from "../../../src/git/host/verb.ts";

describe("decideVerb", () => {
  it("allows plumbing that reads and writes objects and refs", () => {
    for (const args of [
      ["rev-list", "--count", "a..b"],
      ["diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "a", "b"],
      ["cat-file", "--batch"],
      ["hash-object", "-w", "--stdin"],
      ["format-patch", "--stdout", "a..b"],
      ["update-ref", "--stdin", "-z"],
      ["log", "--format=%H", "--end-of-options", "--output=name-of-a-ref"],
    ]) {
      expect(decideVerb(args, {}), args.join(" ")).toEqual({ allowed: true });
    }
  });

  it("[62] refuses other commands, and options that write files, read the host or start programs, also shortened", () => {
    for (const args of [
      [],
      ["config", "x", "y"],
      ["-c", "core.pager=x", "log"],
      ["gc"],
      ["upload-pack", "."],
      ["diff", "--output=/tmp/x"],
      ["diff", "--outp=/tmp/x"],
      ["diff", "--no-index", "/etc/passwd", "/dev/null"],
      ["log", "--ext-diff"],
      ["log", "-O/etc/passwd"],
      ["format-patch", "a..b"],
      ["format-patch", "--stdout", "-o/tmp"],
      ["cat-file", "--textconv", "a:b"],
      ["hash-object", "/etc/passwd"],
      ["log", "a\0b"],
    ]) {
      expect(decideVerb(args, {}).allowed, args.join(" ")).toBe(false);
    }
  });

  it("lets only author and committer into the environment", () => {
    expect(decideVerb(["commit-tree", "x"], { GIT_AUTHOR_NAME: "A", GIT_COMMITTER_DATE: "1 +0000" }).allowed).toBe(true);
    for (const name of ["GIT_DIR", "GIT_CONFIG_COUNT", "GIT_EXTERNAL_DIFF", "PATH", "LD_PRELOAD", "GIT_AUTHOR_NAMEX"])
      expect(decideVerb(["log"], { [name]: "x" }).allowed).toBe(false);
  });
});
