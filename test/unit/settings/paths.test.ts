import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathActions } from "../../../src/run/path-rule.ts";
import { parsePathRules, warnOfLoose } from "../../../src/settings/paths.ts";

describe("AIRLOCK_PATHS", () => {
  it("is read in its order, from one line or many", () => {
    const rules = [
      { glob: "infra/prod/**", action: "refuse" },
      { glob: "infra/**", action: "hold" },
      { glob: "docs/a=b.md", action: "allow" },
    ];
    expect(parsePathRules("Infra/prod/**=refuse, infra/**=hold,docs/a=b.md = allow")).toEqual(rules);
    expect(parsePathRules("# ours\r\ninfra/prod/**=refuse\n\n  # more, of them\ninfra/**=hold\ndocs/a=b.md=allow\n")).toEqual(
      rules,
    );
    expect(parsePathRules("")).toEqual([]);
  });

  it.each<[string, RegExp]>([
    ["infra/**", /"infra\/\*\*", which is not GLOB=ACTION/],
    ["infra/**=deny", /"infra\/\*\*=deny", whose action is none of allow, draft, hold, refuse/],
    ["=hold", /whose pattern is empty/],
    ["/infra=hold", /whose pattern begins or ends with \//],
    ["a=hold,A=refuse", /"A=refuse", whose pattern stands before it already/],
    [Array.from({ length: 201 }, (_, i) => `a${i}=hold`).join(), /has 201 rules, and may have 200/],
  ])("is refused with the rule that is wrong: %j", (text, words) => {
    expect(parsePathRules(text)).toMatch(words);
  });

  it("is either understood whole or refused", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: "binary" }), (text) => {
        const rules = parsePathRules(text);
        if (typeof rules === "string") expect(rules).toMatch(/^has /);
        else for (const { action } of rules) expect(pathActions).toContain(action);
      }),
    );
  });

  it("says which rules may loosen something", () => {
    const rules = parsePathRules("infra/**=refuse,docs/**=allow,src/**=draft");
    expect(warnOfLoose(rules as never)).toEqual([
      expect.stringMatching(/says allow for docs\/\*\*.*workflow files, actions and \.github\/agent\.yml keep/),
      expect.stringMatching(/says draft for src\/\*\*/),
    ]);
  });
});
