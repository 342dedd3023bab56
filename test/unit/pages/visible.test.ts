import { describe, expect, it } from "vitest";
import { cutText, printCalm, printExact } from "../../../src/pages/visible.ts";
import { workedMs } from "../../helpers/worked.ts";

describe("text made visible", () => {
  it("takes colours, links and titles of a terminal out of prose", () => {
    const osc8 = "\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u0007";
    expect(printCalm(`\u001b[31mred\u001b[0m ${osc8} \u001bP+q\u001b\\end\u009b2J`)).toBe("red click end");
  });

  it("names what reorders or hides text, and keeps what emoji need", () => {
    expect(printCalm("a\u202eb\u200bc")).toBe("a⟨U+202E⟩b⟨U+200B⟩c");
    expect(printCalm("👩\u200d🚀 ❤\ufe0f")).toBe("👩\u200d🚀 ❤\ufe0f");
    expect(printCalm("one\rtwo\u0008")).toBe("one\ntwo␈");
  });

  it("names everything invisible in code, escape characters included", () => {
    expect(printExact("x\u200dy \u001b[2J\u{e0041}")).toBe("x⟨U+200D⟩y ␛[2J⟨U+E0041⟩");
    expect(printExact("\tkept\n")).toBe("\tkept\n");
  });

  it("replaces half characters, which no page can carry", () => {
    expect(printExact("\ud800")).toBe("\ufffd");
  });

  it("cuts between characters and says how much it cut", () => {
    expect(cutText("abc", 3)).toEqual({ text: "abc", cutChars: 0 });
    expect(cutText("ab😀d", 3)).toEqual({ text: "ab", cutChars: 3 });
  });

  it("stays fast on a million unfinished sequences", () => {
    const startedAtMs = workedMs();
    printCalm("\u001b]".repeat(1_000_000));
    printCalm(`\u001b[${"0".repeat(1_000_000)}`);
    expect(workedMs() - startedAtMs).toBeLessThan(2_000);
  });
});
