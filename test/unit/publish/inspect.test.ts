import { describe, expect, it } from "vitest";
import type { Change } from "../../../src/publish/changes.ts";
import { inspect } from "../../../src/publish/inspect.ts";
import { decidePath } from "../../../src/publish/policy.ts";
import { sha } from "../../helpers/store.ts";

const limits = { commits: 3, files: 5, bytes: 1000 };
const rest = { limits, bytes: 0, policy: { workflows: "refuse" } } as const;
const change = (path: string, newMode = "100644", status: Change["status"] = "M"): Change => ({
  path,
  status,
  oldMode: "100644",
  newMode,
  newId: sha("f"),
});
const commit = (digit: string, ...changes: Change[]) => ({ sha: sha(digit), changes });

describe("what CI would run", () => {
  it.each([
    ".github/workflows/ci.yml",
    ".github/workflows/deep/er/ci.yml",
    ".github/workflows",
    ".github/actions/setup/index.js",
    ".GitHub/Workflows/CI.YML",
    ".github/WORKFLOWS/x",
    ".github",
    ".GITHUB",
    "action.yml",
    "action.yaml",
    "tools/setup/Action.yml",
  ])("%s is", (path) => {
    expect(decidePath(path, rest.policy)).toMatchObject({ rule: "workflow", action: "refuse" });
  });

  it.each([
    "src/index.js",
    ".github/ISSUE_TEMPLATE.md",
    "docs/.github/workflows/x.yml",
    "reaction.yml",
    "action.yml.md",
    "action.ymlx",
    ".github-old/workflows/x",
    "github/workflows/x",
  ])("%s is not", (path) => {
    expect(decidePath(path, rest.policy).rule).toBe("none");
  });
});

describe("the inspection", () => {
  it("passes plain work and counts each file once", () => {
    const work = { commits: [commit("a", change("a"), change("b")), commit("b", change("a"))], ...rest };
    expect(inspect(work)).toEqual({ is: "passed", files: 2, notes: [], hold: [], passage: {} });
  });

  it("[66] sees a workflow that one commit adds and the next takes away again", () => {
    const path = ".github/workflows/x.yml";
    const work = [
      commit("a", change(path, "100644", "A")),
      commit("b", change(path, "000000", "D")),
      commit("b", change("fine")),
    ];
    expect(inspect({ commits: work, ...rest })).toMatchObject({ is: "refused", reason: { code: "publish.workflow" } });
  });

  it("sees a workflow that is only taken away, or only made executable", () => {
    for (const one of [change(".github/workflows/x.yml", "000000", "D"), change(".github/workflows/x.yml", "100755")])
      expect(inspect({ commits: [commit("a", one)], ...rest }).is).toBe("refused");
  });

  it("names the path without letting it out of its code span", () => {
    const verdict = inspect({ commits: [commit("a", change(".github/workflows/`@acme/team`\n\u202e.yml"))], ...rest });
    expect(verdict).toMatchObject({ is: "refused" });
    expect((verdict as { reason: { words: string } }).reason.words).toContain("`.github/workflows/?@acme/team???.yml`");
  });

  it.each(["040000", "100664", "000000", "140000"])("[23] refuses the mode %s", (mode) => {
    expect(inspect({ commits: [commit("a", change("x", mode))], ...rest })).toMatchObject({ reason: { code: "publish.mode" } });
  });

  it("notes submodules and changes of mode, each once, and how many more there are", () => {
    const sub = change("sub", "160000", "A");
    const plain = { ...change("x"), oldMode: "100755" };
    const work = { commits: [commit("a", sub, change("run", "100755", "A"), plain), commit("b", sub)], ...rest };
    const modes = ["made executable: `run`", "not executable any more: `x`"];
    expect(inspect(work)).toMatchObject({ notes: ["submodule: `sub`", ...modes] });
    const many = Array.from({ length: 25 }, (_, i) => change(`s${i}`, "160000", "A"));
    const verdict = inspect({ ...rest, limits: { ...limits, files: 30 }, commits: [commit("a", ...many)] });
    expect((verdict as { notes: string[] }).notes.at(-1)).toBe("and 5 more: submodule");
  });

  it("allows as many commits and files as it says, and none more", () => {
    // The last one stands twice, as it does in truth: what the tip changed, and the whole from the base.
    const three = [commit("a", change("a")), commit("b", change("b")), commit("c", change("c")), commit("c", change("d"))];
    expect(inspect({ commits: three, ...rest }).is).toBe("passed");
    expect(inspect({ commits: [...three, commit("d", change("a"))], ...rest })).toMatchObject({
      reason: { code: "publish.too-much", words: "The work has 4 commits; a run may have 3." },
    });
    const files = [..."abcdef"].map((path) => change(path));
    expect(inspect({ commits: [commit("a", ...files.slice(1))], ...rest }).is).toBe("passed");
    expect(inspect({ commits: [commit("a", ...files)], ...rest }).is).toBe("refused");
  });
});
