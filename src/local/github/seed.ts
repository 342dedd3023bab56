/** The repository that the demo works on: a real Node project whose tests pass, and which lacks what the demo's issue asks for. */
export const seedFiles: Record<string, string> = {
  "package.json": `${JSON.stringify(
    {
      name: "shop",
      version: "1.0.0",
      private: true,
      type: "module",
      scripts: { test: "node --test" },
      engines: { node: ">=20" },
    },
    null,
    2,
  )}\n`,
  "README.md": `# shop

Greets the customers of a small shop.

\`\`\`js
import { greet } from "./src/greeting.js";
greet("Ada"); // "Hello, Ada!"
\`\`\`

Run the tests with \`npm test\`. They need nothing but Node.
`,
  "CLAUDE.md": `# Working on shop

- Run \`node --test\` before you commit; every change of behaviour has a test.
- Plain JavaScript modules, no dependencies.
- One commit a change, its subject in the imperative.
`,
  ".gitignore": "node_modules/\n",
  "src/greeting.js": `/** Greets one customer by name. */
export function greet(name) {
  return "Hello, " + name + "!";
}
`,
  "test/greeting.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { greet } from "../src/greeting.js";

test("greets a customer by name", () => {
  assert.equal(greet("Ada"), "Hello, Ada!");
});
`,
};

/** What the demo's maintainer asks for: `greet()` today answers "Hello, undefined!". */
export const seedIssue = {
  title: "Greet a customer who gave no name",
  body: 'Calling `greet()` answers "Hello, undefined!". It should say "Hello, stranger!" when the name is missing or empty, with a test for both.',
} as const;
