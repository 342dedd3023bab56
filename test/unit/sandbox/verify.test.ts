import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SandboxCheck } from "../../../src/run/check.ts";
import { expectedChecks, insideChecks } from "../../../src/sandbox/expected-checks.ts";
import { decideVerified, parseProbeLine } from "../../../src/sandbox/verify.ts";

const good = (name: string): SandboxCheck => ({ name, side: "inside", ok: true, seen: "" });
const names = ["a", "b", "c"];
const failedNames = (checks: SandboxCheck[]) => {
  const found = decideVerified(checks, names);
  return found.verified ? [] : found.failed.map(({ name }) => name);
};

describe("a verification", () => {
  it("holds if each expected check is there once and is ok", () => {
    expect(decideVerified(names.map(good), names).verified).toBe(true);
  });

  it("fails by the check that is missing, unknown, doubled or not ok", () => {
    expect(failedNames([good("a"), good("b")])).toEqual(["c"]);
    expect(failedNames([...names, "d"].map(good))).toEqual(["d"]);
    expect(failedNames([...names, "b"].map(good))).toEqual(["b"]);
    expect(failedNames([good("a"), good("b"), { ...good("c"), ok: false }])).toEqual(["c"]);
  });

  it("never holds with less, more or worse than expected, whatever it is", () => {
    const check = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), ok: fc.boolean() });
    fc.assert(
      fc.property(fc.array(check, { maxLength: 5 }), (drawn) => {
        const perfect =
          drawn.every(({ ok }) => ok) &&
          drawn
            .map(({ name }) => name)
            .sort()
            .join() === "a,b,c";
        expect(
          decideVerified(
            drawn.map(({ name, ok }) => ({ ...good(name), ok })),
            names,
          ).verified,
        ).toBe(perfect);
      }),
    );
  });

  it("finds nothing in a line that no probe prints, so that all is missing", () => {
    for (const line of [
      "",
      "{",
      "null",
      "[]",
      '{"airlock":"probe"}',
      '{"airlock":"cloned","checks":[]}',
      '{"airlock":"probe","checks":[null,1,{}]}',
    ])
      expect(parseProbeLine(line)).toEqual([]);
  });

  it("takes nothing but true for ok", () => {
    const line = JSON.stringify({ airlock: "probe", checks: [{ name: "a", ok: "true", seen: 1 }] });
    expect(parseProbeLine(line)).toEqual([{ name: "a", side: "inside", ok: false, seen: "1" }]);
  });

  it("expects no name twice, and inside only such as a probe looks at", () => {
    expect(new Set(expectedChecks).size).toBe(expectedChecks.length);
    const recipe = new URL("../../../sandbox/", import.meta.url);
    const sources = ["probe.mjs", "probe-agent.mjs", "syscalls.pl"]
      .map((name) => readFileSync(new URL(name, recipe), "utf8"))
      .join("\n");
    const unknown = insideChecks.filter(
      (name) => !sources.includes(`"${name}"`) && !sources.includes(`'${name}'`) && !sources.includes(`  ${name}:`),
    );
    expect(unknown.filter((name) => !new RegExp(`^  (async )?${name}\\b`, "m").test(sources))).toEqual([]);
  });
});
