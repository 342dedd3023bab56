import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { showMarkdown } from "../../../src/pages/markdown.ts";
import { readPatch } from "../../../src/pages/patch.ts";

const repositoryUrl = "https://github.example/acme/shop";
const pieces = [
  "<script>",
  "<img src=x onerror=y>",
  "![a](http://evil.test/x)",
  "[a](javascript:x)",
  "[a][b]\n\n[b]: data:text/html,x",
];
const marks = [
  "`",
  "```\n",
  "*",
  "> ",
  "\n",
  "\n\n",
  "# ",
  "| a |\n|-|\n",
  "&lt;",
  "\\",
  "<",
  ">",
  '"',
  "//evil.test",
  "\u202e",
  "\u0000",
];
const markdown = fc
  .array(fc.oneof(fc.constantFrom(...pieces, ...marks), fc.string({ unit: "binary", maxLength: 8 })), { maxLength: 40 })
  .map((parts) => parts.join(""));

describe("hostile text on a page", () => {
  it("becomes no element that runs or fetches, and no link that leaves the repository, whatever it is made of", () => {
    fc.assert(
      fc.property(markdown, (text) => {
        const shown = String(showMarkdown(text, { repositoryUrl }));
        for (const [tag] of shown.matchAll(/<[^>]*>/g)) {
          expect(tag).not.toMatch(/^<\/?(script|img|iframe|object|embed|svg|style|form|input|base|meta|link)\b/i);
          expect(tag).not.toMatch(/\s(on\w+|style|src|srcset)\s*=/i);
          const [, href] = /\shref="([^"]*)"/.exec(tag) ?? [];
          if (href !== undefined) expect(href.startsWith(`${repositoryUrl}/`) || href === repositoryUrl, tag).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is a patch of no more lines than are allowed, each of no more characters, and never a fault", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "diff --git a/x b/x",
        "@@ -1,2 +1,2 @@",
        "@@ -1 +1,99999999 @@",
        "--- a/x",
        "+++ /dev/null",
        "\\ No newline at end of file",
        "+y",
        "-x",
        " z",
      ),
      fc.constantFrom(
        "rename from a",
        "Binary files a/x and b/x differ",
        "GIT binary patch",
        'diff --git "a/\\303" "b/\\303"',
        "-- a/x",
      ),
      fc.string({ unit: "binary", maxLength: 60 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
        const read = readPatch(lines.join("\n"), { limitLines: 10, limitLineChars: 20 });
        expect(read.shownLines).toBeLessThanOrEqual(10);
        expect(read.shownLines + read.leftOutLines).toBeLessThanOrEqual(lines.length * 2 + 60);
        for (const { blocks } of read.files)
          for (const block of blocks) for (const { content } of block.lines) expect(content.length).toBeLessThan(200);
      }),
      { numRuns: 500 },
    );
  });
});
