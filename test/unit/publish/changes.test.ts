import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Change, isChain, parseRawChanges, parseRevList } from "../../../src/publish/changes.ts";
import { sha } from "../../helpers/store.ts";

const mode = fc.constantFrom("100644", "100755", "120000", "160000");
const path = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0") && text.isWellFormed());
const change: fc.Arbitrary<Change> = fc
  .record({
    path,
    status: fc.constantFrom("A" as const, "M" as const, "D" as const, "T" as const),
    oldMode: mode,
    newMode: mode,
    newId: fc.constantFrom(sha("b"), sha("c")),
  })
  .map((one) => ({ ...one, ...(one.status === "A" && { oldMode: "000000" }), ...(one.status === "D" && { newMode: "000000" }) }));

function printRaw(changes: readonly Change[]): Buffer {
  return Buffer.from(changes.map((c) => `:${c.oldMode} ${c.newMode} ${sha("a")} ${c.newId} ${c.status}\0${c.path}\0`).join(""));
}

describe("git's list of changes", () => {
  it("is read back as it was printed, whatever the names", () => {
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        expect(parseRawChanges(printRaw(changes))).toEqual(changes);
      }),
    );
  });

  it.each([
    "a\nb",
    " lead",
    'quo"te',
    "tab\there",
    `:100644 100644 ${sha("a")} ${sha("b")} M`,
    "-rf",
    "\u202egnp.exe",
    "..",
    "ünï.github/workflows",
  ])("takes %j for a name and nothing more", (name) => {
    const changes: Change[] = [{ path: name, status: "M", oldMode: "100644", newMode: "100644", newId: sha("b") }];
    expect(parseRawChanges(printRaw([...changes, ...changes]))).toEqual([...changes, ...changes]);
  });

  it("of nothing is empty", () => {
    expect(parseRawChanges(Buffer.from(""))).toEqual([]);
  });

  const good = `:100644 100644 ${sha("a")} ${sha("b")} M\0x\0`;
  it.each([
    ["text", "hello"],
    ["a head without a path", good.slice(0, -2)],
    ["a path without its end", good.slice(0, -1)],
    ["an empty path", `:100644 100644 ${sha("a")} ${sha("b")} M\0\0`],
    ["a rename", `:100644 100644 ${sha("a")} ${sha("b")} R100\0x\0y\0`],
    ["an unmerged path", `:000000 000000 ${sha("0")} ${sha("0")} U\0x\0`],
    ["short names of objects", `:100644 100644 aaaaaaa bbbbbbb M\0x\0`],
    ["a merge's combined form", `::100644 100644 100644 ${sha("a")} ${sha("b")} ${sha("c")} MM\0x\0`],
    ["a commit's name before it", `${sha("c")}\0${good}`],
    ["the form without -z", `:100644 100644 ${sha("a")} ${sha("b")} M\tx\n`],
    ["something after a good one", `${good}rest`],
    ["something before a good one", `\0${good}`],
  ])("that is %s is refused, so that nothing passes unread", (_, raw) => {
    expect(() => parseRawChanges(Buffer.from(raw))).toThrow();
  });

  it("throws on any part of the true list that is not whole", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1 }), fc.nat(), (changes, n) => {
        const raw = printRaw(changes);
        const cut = raw.subarray(0, n % raw.length);
        const whole = changes.some((_, k) => printRaw(changes.slice(0, k)).length === cut.length);
        if (!whole) expect(() => parseRawChanges(cut)).toThrow();
      }),
    );
  });
});

describe("git's list of commits", () => {
  const [a, b, c] = [sha("a"), sha("b"), sha("c")];

  it("names each commit and its parents", () => {
    expect(parseRevList(`${b} ${a}\n${c} ${b} ${a}\n`)).toEqual([
      { sha: b, parents: [a] },
      { sha: c, parents: [b, a] },
    ]);
    expect(parseRevList("")).toEqual([]);
  });

  it.each([
    ["one after the other", `${b} ${a}\n${c} ${b}`, true],
    ["one", `${b} ${a}`, true],
    ["none, as where the agent went back before the base", "", false],
    ["a merge", `${b} ${a}\n${c} ${b} ${a}`, false],
    ["two from the base", `${b} ${a}\n${c} ${a}`, false],
    ["one that starts elsewhere", `${c} ${b}`, false],
    ["a root", `${b}\n${c} ${b}`, false],
  ])("is a chain or not: %s", (_, text, chain) => {
    expect(isChain(a, parseRevList(text))).toBe(chain);
  });
});
