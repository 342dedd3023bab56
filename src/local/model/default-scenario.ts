import type { Scenario } from "./scenario.ts";

const source = `/** Greets one customer by name, or a stranger where no name is given. */
export function greet(name) {
  return "Hello, " + (name || "stranger") + "!";
}
`;

const tests = `
test("greets a stranger where the name is missing", () => {
  assert.equal(greet(), "Hello, stranger!");
});

test("greets a stranger where the name is empty", () => {
  assert.equal(greet(""), "Hello, stranger!");
});
`;

/** The demo's job on the local GitHub's `acme/shop`: what its issue asks for. It uses only the shell, so no turn needs to know the folder. */
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
      text: "`greet()` takes whatever it is given for a name. I'll let it greet a stranger where there is none.",
      tool: "Bash",
      input: { command: heredoc("cat >", "src/greeting.js", source), description: "Greet a stranger where there is no name" },
    },
    {
      text: "Now a test for a missing name and one for an empty name.",
      tool: "Bash",
      input: { command: heredoc("cat >>", "test/greeting.test.js", tests), description: "Add tests for both" },
    },
    { tool: "Bash", input: { command: "node --test 2>&1 | tail -n 25", description: "Run the project's tests" } },
    {
      tool: "Bash",
      input: {
        command:
          "node --test >/dev/null && git add -A && git commit -q -m 'Greet a stranger where no name is given' && git show --stat --format=%s HEAD",
        description: "Commit, if the tests pass",
      },
    },
    {
      text: [
        '`greet()` now answers "Hello, stranger!" where the name is missing or empty, and greets by name as before.',
        "",
        "- `src/greeting.js`: the name falls back to “stranger”.",
        "- `test/greeting.test.js`: a test for a missing and one for an empty name.",
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

function heredoc(into: string, path: string, content: string): string {
  return `${into} ${path} <<'END_OF_FILE'\n${content}END_OF_FILE`;
}
