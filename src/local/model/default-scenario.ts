import type { Scenario } from "./scenario.ts";

const greeting = `/**
 * Greets one person by name, or a whole team given as a list.
 * @param {string | string[]} name
 */
export function greeting(name) {
  if (!Array.isArray(name)) return \`Hello, \${name}!\`;
  if (name.length === 0) return "Hello, everyone!";
  if (name.length === 1) return greeting(name[0]);
  return \`Hello, \${name.slice(0, -1).join(", ")} and \${name.at(-1)}!\`;
}
`;

const test = `import assert from "node:assert/strict";
import { test } from "node:test";
import { greeting } from "../src/greeting.js";

test("a whole team is greeted", () => {
  assert.equal(greeting(["Ada", "Grace", "Joan"]), "Hello, Ada, Grace and Joan!");
});

test("a team of two needs no comma", () => {
  assert.equal(greeting(["Ada", "Grace"]), "Hello, Ada and Grace!");
});

test("a team of one is greeted like a person", () => {
  assert.equal(greeting(["Ada"]), greeting("Ada"));
});

test("an empty team is greeted as everyone", () => {
  assert.equal(greeting([]), "Hello, everyone!");
});
`;

/** The demo's job on the local GitHub's `acme/shop`: `greeting()` learns to greet a team. It uses only the shell, so no turn needs to know the folder. */
export const defaultScenario: Scenario = {
  turns: [
    {
      text: "I'll look at the project first.",
      tool: "Bash",
      input: {
        command: "git log --oneline | head -5; ls; cat package.json src/greeting.js test/*.test.js",
        description: "Look at the project",
      },
    },
    {
      text: "`greeting()` treats every argument as one name. I'll let it take a list as well.",
      tool: "Bash",
      input: { command: heredoc("src/greeting.js", greeting), description: "Teach greeting() about teams" },
    },
    {
      text: "Now tests for teams of every size.",
      tool: "Bash",
      input: { command: heredoc("test/greeting-team.test.js", test), description: "Add tests for teams" },
    },
    { tool: "Bash", input: { command: "node --test 2>&1 | tail -n 25", description: "Run the project's tests" } },
    {
      tool: "Bash",
      input: {
        command:
          "node --test >/dev/null && git add -A && git commit -q -m 'Greet a whole team when given a list' && git show --stat --format=%s HEAD",
        description: "Commit, if the tests pass",
      },
    },
    {
      text: [
        "`greeting()` now greets a whole team when it is given a list, and one person as before.",
        "",
        "- `src/greeting.js`: a list is joined with commas and a final “and”; an empty list greets everyone.",
        "- `test/greeting-team.test.js`: teams of three, two, one and none.",
        "",
        "Verified with `node --test` before the commit. The commit:",
        "",
        "```",
        "{{result}}",
        "```",
      ].join("\n"),
    },
  ],
};

function heredoc(path: string, content: string): string {
  return `mkdir -p "$(dirname ${path})" && cat > ${path} <<'END_OF_FILE'\n${content}END_OF_FILE`;
}
