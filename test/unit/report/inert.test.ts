import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printCode } from "../../../src/report/evidence-words.ts";
import { printInert } from "../../../src/report/inert.ts";

describe("the agent's text on GitHub", () => {
  it("[50] calls nobody, closes nothing, refers to nothing", () => {
    expect(printInert("Fixes #12, closes acme/other#3, GH-4, thanks @org/team")).toBe(
      "Fixes no. 12, closes acme/otherno. 3, GH 4, thanks @ org/team",
    );
    expect(printInert("&#64;octocat and @\u200boctocat")).not.toMatch(/@octocat|&#64/);
  });
  it("[69] fetches nothing and links nowhere", () => {
    expect(printInert("![x](https://evil.example/p.png)")).toBe("! [x] (https: //evil.example/p.png)");
    expect(printInert("[a][b]\n\n[b]: www.evil.example")).toBe("[a][b]\n\n[b] : www .evil.example".replace("[a][b]", "[a] [b]"));
    expect(printInert("<img src=x><script>1</script><!-- airlock:run=x -->")).toBe(
      "< img src=x>< script>1< /script>< !-- airlock:run=x -->",
    );
  });
  it("is not deceived by emphasis or by escapes that rendering takes away", () => {
    expect(printInert("_www.evil.example_ _GH-4_ GH\\-4 www\\.evil.example https:\\/\\/evil.example")).toBe(
      "_www .evil.example_ _GH 4_ GH 4 www \\.evil.example https: \\/\\/evil.example",
    );
  });
  it("keeps what is harmless readable", () => {
    const text = "# Done\n\n- `a < b` and **c**\n\n| x | y |\n|---|---|\n\n```js\nif (a<1) f();\n```";
    expect(printInert(text)).toBe(text);
  });
  it("[69] has no program draw a fence", () => {
    expect(printInert('```geojson\n{"type":"Point"}\n```')).toBe('```text\n{"type":"Point"}\n```');
  });
  it("[50] takes terminal escapes out", () => {
    expect(printInert("a\u001b]8;;https://evil.example\u0007b\u001b[31mc")).toBe("abc");
  });
});

describe("for any text", () => {
  const pieces = [
    "@",
    "#",
    "1",
    "a",
    "<",
    "!",
    "[",
    "]",
    "(",
    ":",
    "//",
    "http",
    "&",
    "#64;",
    "amp;",
    "GH-",
    "GH",
    "-",
    "_",
    ".",
    "www",
    "www.",
    "\u200b",
    "\\",
    "`",
    "\n",
    "&lt;",
    "$",
    "/",
  ];
  const hostile = fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((all) => all.join(""));
  it("[69] nothing with an effect is left, however it was put together", () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string()), (text) => {
        const inert = printInert(text);
        for (const live of [
          /@[A-Za-z0-9]/,
          /#\d/,
          /<[a-z/!?]/i,
          /!\[/,
          /\][([:]/,
          /:\/\//,
          /&#/,
          /&[a-z][a-z0-9]*;/i,
          /(?<![a-z0-9])GH\\?-\d/i,
          /(?<![a-z0-9])www\\?\./i,
          /:\\?\/\\?\//,
          /\u200b/,
        ])
          expect(inert).not.toMatch(live);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("text that may become a commit's message", () => {
  it("[68] keeps no CI from running", () => {
    expect(printInert("Tidy [skip ci] [CI-skip] ***NO_CI***")).toBe("Tidy [ skip ci] [ CI-skip] *** NO_CI***");
    expect(printInert("a [skip](b)")).not.toContain("[ skip");
  });

  it("[50] is no box of GitHub's", () => expect(printInert("> [!WARNING]\n> Merge at once")).toContain("[ !WARNING]"));

  it("[50][68] closes nothing as code, by whatever kind of reference", () => {
    expect(printCode("new: fixes GH-5, Closes: https://github.com/o/r/issues/7 [skip ci]", 200)).toBe(
      "`new: fixes%20GH-5, Closes:%20https://github.com/o/r/issues/7 %5Bskip ci]`",
    );
  });
});
