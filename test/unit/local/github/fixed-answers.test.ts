import { describe, expect, it } from "vitest";
import { forgetFixed, isFixed, keepFixed, recallFixed } from "../../../../src/local/github/fixed-answers.ts";

const [a, b] = ["a".repeat(40), "b".repeat(40)];
const answer = { id: 1, exitCode: 0, stdout: Buffer.from("blob\n"), stderr: "" };

describe("an answer of git's that is kept", () => {
  it.each([
    ["log", "-1", a, "--"],
    ["diff", "--raw", a, b, "--", ":(literal)main"],
    ["merge-base", "--is-ancestor", a, b],
    ["rev-list", "--count", `${a}..${b}`, "--"],
    ["rev-list", "--max-count=1", "--end-of-options", `${a}^{commit}`],
    ["cat-file", "-t", a],
    ["cat-file", "blob", a],
  ])("is one of objects alone: %s %s %s", (...args) => expect(isFixed(args)).toBe(true));

  it.each([
    ["log", "-1", "main", "--"],
    ["log", "--all", a],
    ["diff", a, "refs/heads/main"],
    ["rev-list", "--count", `main..${b}`],
    ["cat-file", "--batch-check", a],
    ["cat-file", "blob", `${a}:main`],
    ["update-ref", a, b],
    ["for-each-ref"],
    ["log", "--"],
    [],
  ])("is none that a ref or a setting has a say in: %s %s %s", (...args) => expect(isFixed(args)).toBe(false));

  it("is no no, nothing long, and nothing of a repository that had the folder before", () => {
    keepFixed("/r", ["cat-file", "-t", a], answer);
    keepFixed("/r", ["cat-file", "-t", b], { ...answer, exitCode: 128 });
    keepFixed("/r", ["cat-file", "blob", b], { ...answer, stdout: Buffer.alloc(100_000) });
    expect(recallFixed("/r", ["cat-file", "-t", a])).toBe(answer);
    expect(recallFixed("/other", ["cat-file", "-t", a])).toBeUndefined();
    expect(recallFixed("/r", ["cat-file", "-t", b])).toBeUndefined();
    expect(recallFixed("/r", ["cat-file", "blob", b])).toBeUndefined();
    forgetFixed("/r");
    expect(recallFixed("/r", ["cat-file", "-t", a])).toBeUndefined();
  });
});
