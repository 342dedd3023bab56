// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of workflows look like that
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideGate } from "../../../../src/publish/ci/gate.ts";
import { isExecutedByCi } from "../../../../src/publish/ci/risky.ts";
import { parseWorkflow } from "../../../../src/publish/ci/workflow.ts";
import { workedMs } from "../../../helpers/worked.ts";

const push = { branch: "agent/issue-7", targets: ["main"] };
const path = ".github/workflows/ci.yml";
const gate = (
  text: string,
  more: Partial<Parameters<typeof decideGate>[0]> = {},
  others: { path: string; text: string }[] = [],
) =>
  decideGate({
    ci: "hold",
    read: [{ at: "main", files: [{ path, text }, ...others] }],
    push,
    changed: ["src/a.js"],
    ...more,
  }).map(({ words }) => words);
/** Harmless but for what is put in. */
const workflow = (of: { on?: string; top?: string; job?: string } = {}) =>
  [
    `on: ${of.on ?? "[push, pull_request]"}`,
    of.top ?? "permissions: { contents: read }",
    "jobs:",
    "  test:",
    of.job ?? "    runs-on: ubuntu-latest",
    "    steps:",
    "      - uses: actions/checkout@v5",
    "      - run: npm test",
    "",
  ].join("\n");

const called = (uses: string) =>
  `on: push\npermissions: { contents: read }\njobs:\n  test:\n    uses: ${uses}\n    permissions: { contents: read }\n`;

describe("the CI gate", () => {
  it("lets work go where no workflow is, or all of them are harmless", () => {
    expect(decideGate({ ci: "hold", read: [{ at: "main", files: [] }], push, changed: [] })).toEqual([]);
    expect(gate(workflow())).toEqual([]);
    expect(gate(workflow({ top: "permissions: {}" }))).toEqual([]);
    expect(gate(workflow({ top: "permissions: read-all" }))).toEqual([]);
    expect(gate(workflow({ job: "    runs-on: [ubuntu-24.04]\n    env: { T: '${{ secrets.GITHUB_TOKEN }}' }" }))).toEqual([]);
    const matrix = "    runs-on: ${{ matrix.os }}\n    strategy: { matrix: { os: [ubuntu-latest, windows-2022, macos-14] } }";
    expect(gate(workflow({ job: matrix }))).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ["a secret", workflow({ job: "    runs-on: ubuntu-latest\n    env: { K: '${{ secrets.KEY }}' }" }), /uses secrets/],
    [
      "a secret in other letters",
      workflow({ job: '    runs-on: ubuntu-latest\n    env: { K: "${{ toJSON(SeCrEtS) }}" }' }),
      /uses secrets/,
    ],
    ["a secret in a condition", workflow({ job: "    runs-on: ubuntu-latest\n    if: secrets.KEY != ''" }), /uses secrets/],
    ["secrets handed on", workflow({ job: "    runs-on: ubuntu-latest\n    secrets: inherit" }), /uses secrets/],
    ["a token that signs in", workflow({ top: "permissions: { id-token: write }" }), /id-token/],
    ["a token that writes", workflow({ top: "permissions: write-all" }), /may write/],
    [
      "a token that writes, by its job",
      workflow({ job: "    runs-on: ubuntu-latest\n    permissions: { packages: write }" }),
      /may write/,
    ],
    ["permissions unsaid", workflow({ top: "name: x" }), /does not say/],
    ["a runner of the owner's", workflow({ job: "    runs-on: self-hosted" }), /machine of your own/],
    ["a runner group", workflow({ job: "    runs-on: { group: big }" }), /machine of your own/],
    ["a runner by expression", workflow({ job: "    runs-on: ${{ vars.RUNNER }}" }), /machine of your own/],
    [
      "a matrix with one runner of the owner's",
      workflow({
        job: "    runs-on: ${{ matrix.os }}\n    strategy: { matrix: { os: [ubuntu-latest], include: [{ os: mine }] } }",
      }),
      /machine/,
    ],
    ["an environment", workflow({ job: "    runs-on: ubuntu-latest\n    environment: prod" }), /environment/],
    ["a foreign workflow", workflow({ job: "    uses: o/r/.github/workflows/x.yml@v1" }), /cannot be read here/],
    ["a local workflow that is not there", workflow({ job: "    uses: ./.github/workflows/gone.yml" }), /cannot be read here/],
    ["pull_request_target", workflow({ on: "pull_request_target", top: "x: y" }), /does not say/],
    ["workflow_run", workflow({ on: "{ workflow_run: { workflows: [CI] } }", top: "x: y" }), /does not say/],
    ["an event of tomorrow", workflow({ on: "push_of_tomorrow", top: "x: y" }), /does not say/],
    ["permissions that are empty", workflow({ top: "permissions:" }), /does not say/],
    ["permissions by expression", workflow({ top: "permissions: ${{ x }}" }), /may write/],
    ["a reusable workflow of this repository at another commit", called("./.github/workflows/x.yml@main"), /cannot be read here/],
    ["a reusable workflow by expression", called("${{ x }}"), /cannot be read here/],
    [
      "secrets handed to a workflow of this repository",
      called("./.github/workflows/ci.yml\n    secrets: inherit"),
      /uses secrets/,
    ],
    [
      "secrets handed to a workflow one by one",
      called("./.github/workflows/ci.yml\n    secrets: { K: '${{ secrets.K }}' }"),
      /uses secrets/,
    ],
    [
      "a secret handed to an action of the repository's own",
      workflow({ job: "    runs-on: ubuntu-latest\n    strategy: { matrix: { x: ['${{ secrets.K }}'] } }" }),
      /uses secrets/,
    ],
    [
      "a registry's password for its container",
      workflow({ job: "    runs-on: ubuntu-latest\n    container: { image: x, credentials: { password: '${{secrets.P}}' } }" }),
      /uses secrets/,
    ],
    ["a secret as a key", workflow({ job: "    runs-on: ubuntu-latest\n    env: { '${{ secrets.K }}': x }" }), /uses secrets/],
    [
      "the name of an environment by expression",
      workflow({ job: "    runs-on: ubuntu-latest\n    environment: { name: x }" }),
      /envir/,
    ],
    ["no YAML", "on: [push\njobs: }", /cannot be read/],
    [
      "anchors",
      "on: push\npermissions: &p { contents: read }\njobs: { a: { runs-on: ubuntu-latest, permissions: *p } }",
      /cannot be read/,
    ],
    ["a key twice", `${workflow()}permissions: write-all\n`, /cannot be read/],
    ["an unknown tag", "on: !x push\njobs: {}", /cannot be read/],
    ["two documents", `${workflow()}---\n${workflow()}`, /cannot be read/],
  ])("holds for %s", (_, text, words) => {
    expect(gate(text)).toEqual([expect.stringMatching(words)]);
  });

  it("reads `on` where YAML 1.1 makes it true", () => {
    expect(gate(`%YAML 1.1\n---\n${workflow({ top: "x: y" })}`)).toHaveLength(1);
    expect(gate(workflow({ on: "push", top: "true: pull_request" }))).toEqual([expect.stringMatching(/cannot be read/)]);
  });

  it("leaves out what this push does not start", () => {
    const danger = { top: "permissions: write-all" };
    for (const on of [
      "schedule: [{ cron: '0 0 * * *' }]",
      "workflow_dispatch:",
      "push: { branches: [main] }",
      "push: { tags: ['v*'] }",
      "push: { branches-ignore: ['agent/**'] }",
      "pull_request: { branches: [release] }",
      "pull_request: { types: [closed] }",
      "release: { types: [published] }",
      "pull_request_target: { types: [labeled, ready_for_review] }",
      "pull_request: { types: closed }",
      "pull_request: { branches: ['**', '!main'] }",
      "pull_request: { branches-ignore: [main] }",
    ])
      expect([on, gate(workflow({ ...danger, on: `\n  ${on}` }))]).toEqual([on, []]);
    for (const on of [
      "push: { branches: ['agent/**'] }",
      "pull_request: { branches: [main] }",
      "push: { paths: [docs] }",
      "push:",
      "pull_request_target: { types: [labeled, opened] }",
      "pull_request: { types: [review_requested] }",
      "pull_request: { types: [of_tomorrow] }",
      "pull_request: { types: [] , branches: ['ma[i'] }",
      "pull_request: { branches: ${{ x }} }",
      "workflow_run: { workflows: [CI], branches: [main] }",
      "check_run: { types: [completed] }",
      "status:",
    ])
      expect([on, gate(workflow({ ...danger, on: `\n  ${on}` })).length]).toEqual([on, 1]);
  });

  it("looks at every pull request that is open from the branch", () => {
    const text = workflow({ on: "\n  pull_request_target: { branches: [release] }", top: "permissions: write-all" });
    expect(gate(text)).toEqual([]);
    expect(gate(text, { push: { ...push, targets: ["main", "release"] } })).toHaveLength(1);
  });

  it("follows a local workflow that is called, and a circle of them to its end", () => {
    const called = { path: ".github/workflows/called.yml", text: workflow({ on: "workflow_call", job: "    runs-on: mine" }) };
    expect(gate(workflow({ job: "    uses: ./.github/workflows/called.yml" }), {}, [called])).toEqual([
      expect.stringContaining("in .github/workflows/called.yml"),
    ]);
    expect(gate(workflow({ job: "    uses: ./.github/workflows/ci.yml" })).length).toBe(1);
  });

  it("of hold-risky holds only what those workflows execute, and of auto nothing", () => {
    const danger = workflow({ top: "permissions: write-all" });
    expect(gate(danger, { ci: "hold-risky" })).toEqual([]);
    expect(gate(danger, { ci: "hold-risky", changed: ["package.json"] })[0]).toContain("package.json");
    expect(gate(workflow(), { ci: "hold-risky", changed: ["package.json"] })).toEqual([]);
    expect(gate(danger, { ci: "auto", changed: ["package.json"] })).toEqual([]);
  });

  it("holds where the files could not be read at all", () => {
    expect(decideGate({ ci: "hold", read: [{ at: "main", files: undefined }], push, changed: [] })).toHaveLength(1);
  });

  it("comes to a decision on any text, and soon", () => {
    fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => void gate(text)));
    const startedMs = workedMs();
    const bomb = `a: &a [x,x]\n${[..."bcdefghij"].map((c, i) => `${c}: &${c} [*${"abcdefghi"[i]},*${"abcdefghi"[i]}]`).join("\n")}\non: push\njobs: *j\n`;
    expect(parseWorkflow(path, bomb)).toBeUndefined();
    for (const text of [
      "[".repeat(20_000),
      "{a: ".repeat(20_000),
      "- ".repeat(20_000),
      `on: push\njobs: { a: { x: ${"[".repeat(300)}${"]".repeat(300)} } }`,
    ])
      expect(gate(text)).toHaveLength(1);
    expect(workedMs() - startedMs).toBeLessThan(10_000);
  });
});

describe("what workflows execute", () => {
  it.each([
    "package.json",
    "web/Package.JSON",
    "Makefile",
    "docker/Dockerfile.dev",
    "scripts/x.py",
    "vite.config.ts",
    "a.sh",
    "requirements-dev.txt",
    "tool/gen.py",
  ])("is %s", (changed) => expect(isExecutedByCi(changed, "python tool/gen.py")).toBe(true));
  it.each(["src/a.js", "README.md", "docs/make.md"])("is not %s", (changed) =>
    expect(isExecutedByCi(changed, "npm test")).toBe(false),
  );
});

describe("hold-risky", () => {
  const risky = (text: string | undefined, changed: string[]) =>
    decideGate({
      ci: "hold-risky",
      read: [{ at: "the branch", files: text === undefined ? undefined : [{ path, text }] }],
      ...{ push, changed },
    }).length > 0;
  const uses = (action: string) =>
    `on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{uses: ${action}, with: {t: "\${{ secrets.X }}"}}]}}\n`;

  it("holds what changes any file of an action that lies in the repository", () => {
    expect(risky(uses("./my-action"), ["my-action/dist/index.js"])).toBe(true);
    expect(risky(uses("./my-action"), ["my-actions/index.js"])).toBe(false);
    expect(risky(uses("./"), ["src/index.js"])).toBe(true);
    expect(risky(uses("actions/checkout@v4"), ["my-action/dist/index.js"])).toBe(false);
  });

  it("holds where nobody can say what is executed", () => {
    const anchored = "on: push\nx: &a 1\ny: *a\njobs: {a: {steps: [{run: python ops/deploy.py}]}}\n";
    expect(risky(anchored, ["ops/deploy.py"])).toBe(true);
    expect(risky(undefined, ["ops/deploy.py"])).toBe(true);
  });
});
