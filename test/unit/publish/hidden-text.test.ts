import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noteHiddenText } from "../../../src/publish/hidden-text.ts";

const line = (text: string, at = 7, path = "src/a.js") => ({ path, line: at, text });
const notesOf = (text: string, at?: number) => noteHiddenText({ paths: [], lines: [line(text, at)] });

describe("what a reviewer does not see", () => {
  it.each<[string, string, RegExp]>([
    [
      "a mark that turns the line around",
      'if (level != "user\u202e \u2066// admins only\u2069 \u2066") {',
      /U\+202E, U\+2066, U\+2069 changes the order/,
    ],
    ["a blank that is a name", "const { env,\u3164} = req;", /U\+3164 is not shown/],
    ["a word joined by nothing", "is\u200bAdmin()", /U\+200B is not shown/],
    ["text in tags", "ok\u{e0065}\u{e0076}", /U\+E0065, U\+E0076 is not shown/],
    ["bytes in selectors", "x\u{e0150}\u{e0151}", /U\+E0150, U\+E0151 is not shown/],
    ["a mark of the byte order in a line", "a\ufeffb", /U\+FEFF is not shown/],
    ["a terminal's colour", "echo \u001b[8mhidden", /U\+001B is a control character/],
    ["a return in a line", "safe\rrm -rf /", /U\+000D is a control character/],
    ["a name in other letters", "s\u0430yHello()", /looks like something else: "s\u0430yHello" \(U\+0430 Cyrillic\)/],
  ])("[67] is named with its place: %s", (_, text, words) => {
    expect(notesOf(text)).toEqual([expect.stringMatching(/^hidden in a line: src\/a\.js, line 7: /)]);
    expect(notesOf(text)[0]).toMatch(words);
  });

  it.each([
    ["a line that ends as on Windows", "plain\r", 7],
    ["a mark of the byte order at the beginning", "\ufeffplain", 1],
    ["a family", "// 👩‍👩‍👧 ❤️ 1️⃣ 👍🏽", 7],
    ["Persian", "می‌خواهم", 7],
    ["Devanagari", "क्‍ष", 7],
    ["Russian", "// Добавьте кнопку", 7],
    ["Japanese", "葛\u{e0100}城 Webページ", 7],
    ["a form feed", "\f", 7],
  ])("is nothing in honest text: %s", (_, text, at) => {
    expect(notesOf(text, at).filter((note) => !note.includes("U+000C"))).toEqual([]);
  });

  it("is named in files' names, and cut where there is much of it", () => {
    const notes = noteHiddenText({ paths: ["src/\u202egnp.js", "src/p\u0430ckage.json", "src/ok.js"], lines: [] });
    expect(notes).toEqual([
      "hidden in a file's name: src/?gnp.js: U+202E changes the order in which the line is shown",
      expect.stringContaining('looks like something else: "p\u0430ckage"'),
    ]);
    const many = noteHiddenText({ paths: [], lines: Array.from({ length: 40 }, (_, i) => line("a\u200bb", i + 1)) });
    expect([many.length, many.at(-1)]).toEqual([16, "and 25 more places with hidden text"]);
  });

  it("is not looked for in binary files, nor does any text take long or break a note's line", () => {
    expect(noteHiddenText({ paths: [], lines: [line("\0PNG"), line("a\u202eb")] })).toEqual([]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (path, text) => {
        for (const note of noteHiddenText({ paths: [path], lines: [line(text, 2, path)] }))
          expect(note).not.toMatch(/[\n\r\u202e\u200b]/);
      }),
    );
  });
});
