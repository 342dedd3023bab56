import { describe, expect, it } from "vitest";
import { inspect } from "../../src/publish/inspect.ts";
import { decidePath } from "../../src/publish/policy.ts";
import { sha } from "../helpers/store.ts";

const policy = { workflows: "refuse" } as const;
const change = (path: string) => ({ path, status: "A" as const, oldMode: "000000", newMode: "100644", newId: sha("f") });

describe("a file that runs on the next machine", () => {
  const names = [
    ".claude/settings.json",
    ".vscode/tasks.json",
    ".devcontainer/devcontainer.json",
    ".husky/pre-commit",
    ".npmrc",
    ".envrc",
  ];
  it.each([...names, ".gitmodules", "docs/CODEOWNERS", ".github/agent.yml"])(
    "[67] %s is held, however a disk lets it be written",
    (name) => {
      const disguises = [
        name,
        name.toUpperCase(),
        `${name}.`,
        `${name.slice(0, 3)}\u200c${name.slice(3)}`,
        name.replace("/", "\\"),
      ];
      for (const path of disguises) expect([path, decidePath(path, policy).action]).toEqual([path, "hold"]);
      // The control: a rule that compares names as they are meant lets disguises through.
      expect(disguises.filter((path) => !path.startsWith(name)).length).toBeGreaterThan(0);
    },
  );
});

describe("work that is too large", () => {
  it("[24] is refused with words, which work of the allowed size is not", () => {
    const work = {
      commits: [{ sha: sha("a"), changes: [change("big.bin")] }],
      limits: { commits: 9, files: 9, bytes: 50 },
      policy,
    };
    expect(inspect({ ...work, bytes: 150 })).toMatchObject({ is: "refused", reason: { code: "publish.too-much" } });
    expect(inspect({ ...work, bytes: 50 }).is).toBe("passed");
  });
});
