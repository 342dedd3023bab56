import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutText, printPlain } from "../../../src/report/plain.ts";
import { workedMs } from "../../helpers/worked.ts";

describe("plain text", () => {
  it.each([
    ["colours", "\u001b[1;31mred\u001b[0m", "red"],
    ["links, with their address", "\u001b]8;;https://evil.example\u001b\\here\u001b]8;;\u001b\\", "here"],
    ["titles, ended by a bell", "\u001b]0;owned\u0007x", "x"],
    ["a title that never ends, up to its line's end", "\u001b]0;owned\nx", "\nx"],
    ["eight-bit sequences", "\u009b31mx\u009d0;t\u009cy", "xy"],
    ["device strings", "\u001bPq#0\u001b\\x", "x"],
    ["single controls and NUL", "a\u0000\u0008\u007fb", "ab"],
    ["carriage returns, as line ends", "a\r\nb\rc", "a\nb\nc"],
    ["marks that reorder", "a\u202eb\u2066c", "abc"],
  ])("is freed of %s", (_, given, expected) => {
    expect(printPlain(given)).toBe(expected);
  });

  it("keeps words of every language, emoji, tabs and line ends", () => {
    const text = "naïve\t日本\n👩‍👩‍👧 café";
    expect(printPlain(text)).toBe(text);
  });

  it("[50] leaves nothing for a terminal to act on", () => {
    const hostile = fc.string({
      unit: fc.constantFrom("\u001b", "[", "]", "\\", "\u0007", "\u009b", "\u009d", ";", "1", "m", "\n", "\r", "x", "\ud83d"),
    });
    fc.assert(
      fc.property(hostile, (text) => {
        expect(printPlain(text)).not.toMatch(/(?!\n|\t)\p{Cc}/u);
        expect(printPlain(printPlain(text))).toBe(printPlain(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is made in time that grows with the text only", () => {
    const startedAtMs = workedMs();
    for (const unit of ["\u001b[", "\u001b]", "\u001b[;;", "\u001b", "\u009d"]) printPlain(unit.repeat(200_000));
    expect(workedMs() - startedAtMs).toBeLessThan(2_000);
  });
});

describe("cutting", () => {
  it("stays within its limit, says so, and cuts no character in two", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-composite", maxLength: 300 }), fc.integer({ min: 0, max: 200 }), (text, limit) => {
        const cut = cutText(text, limit);
        expect(cut.length).toBeLessThanOrEqual(Math.max(limit, text.length <= limit ? text.length : 0));
        expect(cut.isWellFormed()).toBe(true);
        if (text.length <= limit) expect(cut).toBe(text);
        else if (limit > 80) expect(cut).toContain("the rest is left out");
      }),
    );
  });
});
