import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../../../src/publish/changes.ts";
import { inspect } from "../../../src/publish/inspect.ts";
import { findBareRepositories } from "../../../src/publish/policy/bare.ts";
import { canonPath } from "../../../src/publish/policy/canon.ts";
import { matchesGlob } from "../../../src/publish/policy/glob.ts";
import { decidePath, type PathPolicy } from "../../../src/publish/policy.ts";
import { type PathAction, type PathRule, parseGlob, pathActions, stricter } from "../../../src/run/path-rule.ts";
import { sha } from "../../helpers/store.ts";

const matches = (glob: string, path: string) => matchesGlob(glob, canonPath(path));

describe("a pattern for paths", () => {
  it.each<[string, string, boolean]>([
    ["infra/**", "infra/a/b.tf", true],
    ["infra/**", "infra", true],
    ["infra/**", "infrastructure/a", false],
    ["infra/**", "x/infra/a", false],
    ["infra/**", "INFRA/A", true],
    ["infra/**", "in\u200bfra/a", true],
    ["infra/**", "infra./a", true],
    ["**/package.json", "package.json", true],
    ["**/package.json", "a/b/package.json", true],
    ["**/package.json", "a/package.json/b", false],
    ["docs/*.md", "docs/a.md", true],
    ["docs/*.md", "docs/a/b.md", false],
    ["a/**/z", "a/z", true],
    ["a/**/z", "a/b/c/z", true],
    ["?.txt", "a.txt", true],
    ["?.txt", ".txt", false],
    ["**", "anything/at/all", true],
    ["a*b*c", "abbbc", true],
    ["a*b*c", "abcb", false],
  ])("%s and %s: %s", (glob, path, answer) => {
    expect(matches(glob, path)).toBe(answer);
  });

  it.each([
    "",
    "/a",
    "a/",
    "a//b",
    "a**",
    "a/**b",
    "[ab]",
    "{a,b}",
    "!a",
    "a\\b",
    "c:",
    "a.",
    "a/b /c",
    "a\u202eb",
    "x".repeat(201),
  ])("is refused with words: %j", (text) => {
    expect(parseGlob(text)).toEqual({ wrong: expect.stringMatching(/^(is|has|begins) /) });
  });

  it("agrees with a plain regular expression, and is as fast on text made to be slow", () => {
    const name = fc.stringMatching(/^[ab]{1,4}$/);
    const part = fc.oneof(
      fc.constant("**"),
      fc.stringMatching(/^[ab*?]{1,4}$/).filter((text) => !text.includes("**")),
    );
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 5 }),
        fc.array(name, { minLength: 1, maxLength: 5 }),
        (globs, names) => {
          const source = globs.map((each) =>
            each === "**" ? "(?:[^/]+/)*" : `${each.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}/`,
          );
          expect(matches(globs.join("/"), names.join("/"))).toBe(new RegExp(`^${source.join("")}$`).test(`${names.join("/")}/`));
        },
      ),
      { numRuns: 500 },
    );
    const startedMs = performance.now();
    expect(matches(`${"*a".repeat(90)}b`, "a".repeat(4_000))).toBe(false);
    expect(matches(Array(60).fill("**/a").join("/"), Array(2_000).fill("a").join("/"))).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe("what is done with a path", () => {
  const decide = (path: string, policy: Partial<PathPolicy> = {}) => decidePath(path, { workflows: "refuse", ...policy });
  const paths = (...rules: [string, PathAction][]): PathRule[] => rules.map(([glob, action]) => ({ glob, action }));

  it("is what the operator's first matching rule says, milder ones named as such", () => {
    const rules = paths([".husky/pre-push", "refuse"], [".husky/**", "allow"], ["src/**", "draft"]);
    expect(decide(".husky/pre-push", { paths: rules })).toMatchObject({ action: "refuse", rule: "operator" });
    const loosened = { rule: "git-hooks", action: "hold" };
    expect(decide(".husky/x", { paths: rules })).toMatchObject({ action: "allow", rule: "operator", loosened });
    expect(decide("src/a", { paths: rules })).toMatchObject({ action: "draft", rule: "operator" });
    expect(decide("src/a", { paths: rules })).not.toHaveProperty("loosened");
    expect(decide(".vscode/tasks.json", { paths: rules })).toMatchObject({ action: "hold", rule: "editor-settings" });
  });

  it.each(["refuse", "hold"] as const)("[22] stays what AIRLOCK_WORKFLOWS says of workflows and actions: %s", (workflows) => {
    for (const path of [".github/workflows/x.yml", ".GitHub/Workflows/x.yml", "x/action.yml", ".github"])
      expect(decide(path, { workflows, paths: paths(["**", "allow"]) })).toMatchObject({ action: workflows, rule: "workflow" });
    expect(decide(".github/workflows/x.yml", { workflows, paths: paths(["**", "refuse"]) }).action).toBe("refuse");
    expect(decide(".github/agent.yml", { workflows, paths: paths(["**", "allow"]) }).action).toBe("hold");
  });

  it("is never milder for what a repository says, whoever wrote the rest", () => {
    const action = fc.constantFrom(...pathActions);
    const glob = fc.constantFrom("**", "infra/**", ".github/**", ".husky/*", "**/package.json", "**/x.yml");
    const list = fc.array(fc.record({ glob, action }), { maxLength: 4 });
    const path = fc.constantFrom("infra/a", ".github/workflows/x.yml", ".husky/pre-commit", "package.json", "CLAUDE.md", "src/a");
    fc.assert(
      fc.property(list, list, path, (operator, tighter, changed) => {
        const without = decide(changed, { paths: operator }).action;
        const decided = decide(changed, { paths: operator, tighter }).action;
        expect(stricter(decided, without)).toBe(decided);
        for (const rule of tighter) if (matches(rule.glob, changed)) expect(stricter(decided, rule.action)).toBe(decided);
      }),
    );
  });

  it("is told with its reason: a draft, and what passed by the operator's word alone", () => {
    const change = (path: string): Change => ({ path, status: "M", oldMode: "100644", newMode: "100644", newId: sha("f") });
    const commits = [{ sha: sha("a"), changes: [change("AGENTS.md"), change(".envrc"), change("infra/a")] }];
    const limits = { commits: 3, files: 5, bytes: 1000 };
    const policy = { workflows: "refuse", paths: paths([".envrc", "allow"], ["infra/**", "draft"]) } as const;
    expect(inspect({ commits, limits, bytes: 0, policy })).toMatchObject({
      is: "passed",
      hold: [],
      passage: { draft: true },
      notes: [
        "a draft for AGENTS.md (rule agent-words): The next agent takes it as instructions",
        "a draft for infra/a (rule operator): The operator's setting AIRLOCK_PATHS says draft for infra/**",
        "allow by AIRLOCK_PATHS: .envrc, where Airlock's rule package-settings says hold",
      ],
    });
    // Where there is no draft to be made of it any more, a person looks first.
    expect(inspect({ commits, limits, bytes: 0, policy, isForReview: true })).toMatchObject({
      is: "passed",
      hold: [
        { code: "publish.agent-words", words: expect.stringMatching(/^AGENTS\.md .* It may only be a draft/) },
        { code: "publish.operator", words: expect.stringMatching(/^infra\/a /) },
      ],
      passage: {},
      notes: ["allow by AIRLOCK_PATHS: .envrc, where Airlock's rule package-settings says hold"],
    });
  });
});

describe("a file that runs by itself", () => {
  it.each([
    ...[".helix/languages.toml", ".mergify/config.yml", ".config/mise/config.toml", ".pnp.cjs", ".bazeliskrc", ".Rprofile"],
    ...["VSCODE~1/tasks.json", "CLAUDE~1/settings.json", "test/fixtures/a.git/config", ".openhands/setup.sh", ".policy.yml"],
  ])("[67] is held: %s", (path) => expect(decidePath(path, { workflows: "refuse" }).action).toBe("hold"));

  it("[67] is a bare repository also where its config lies in another folder", () => {
    expect(findBareRepositories(["d/HEAD", "d/commondir", "e/config"])).toEqual(["d"]);
    expect(findBareRepositories(["d/HEAD", "e/commondir", "e/config"])).toEqual([]);
  });
});
