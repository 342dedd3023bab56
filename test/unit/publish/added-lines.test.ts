import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddedLines } from "../../../src/publish/added-lines.ts";

const file = (name: string, ...hunks: string[]) =>
  `diff --git a/${name} b/${name}\nindex 1111111..2222222 100644\n--- a/${name}\n+++ b/${name}\n${hunks.join("")}`;

describe("the lines that a diff adds", () => {
  it("are read with their places", () => {
    const diff = file(
      "a.txt",
      "@@ -1 +1,2 @@ head\n-old\n+new\n+more\n",
      "@@ -9,0 +11 @@\n+last\n\\ No newline at end of file\n",
    );
    expect(parseAddedLines(diff)).toEqual([
      { path: "a.txt", line: 1, text: "new" },
      { path: "a.txt", line: 2, text: "more" },
      { path: "a.txt", line: 11, text: "last" },
    ]);
    expect(parseAddedLines("")).toEqual([]);
  });

  it("are content, whatever they look like", () => {
    const texts = fc.array(
      fc.oneof(
        fc.constantFrom("++ b/other", "@@ -1 +1 @@", "diff --git a/x b/x", "-- a/x", "", "\\ No newline", "+", "-"),
        fc.string().filter((text) => !text.includes("\n")),
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(texts, (added) => {
        const hunk = `@@ -0,0 +1,${added.length} @@\n${added.map((text) => `+${text}\n`).join("")}`;
        expect(parseAddedLines(file("x", hunk)).map(({ text }) => text)).toEqual(added);
      }),
    );
  });

  it.each([
    "hello",
    "@@ -1 +1 @@\n-a\n+b\n",
    file("x", "@@ -1 +1,2 @@\n-a\n+b\n"),
    file("x", "@@ -1 +1 @@\n-a\n b\n"),
    file("x", "@@ x @@\n"),
  ])("in an unknown form are refused: %j", (diff) => {
    expect(() => parseAddedLines(diff)).toThrow();
  });
});
