import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { decidePath } from "../../src/publish/policy.ts";
import { readWork } from "../../src/publish/read.ts";
import type { Sha } from "../../src/run/identity.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, openHouse } from "../helpers/gateway-house.ts";
import { addCommit, cleanGit } from "../helpers/git-upstream.ts";
import { type AgentSide, openAgent, publish, publishedRef, type TreeFile } from "../helpers/naive-publisher.ts";

// Every case is published twice: by the control, plain git in the agent's repository that pushes to a bare repository, where the
// attack succeeds, and by the publisher, through a real door, git host and transport.
let house: House;
let tip: Sha;
beforeAll(async () => {
  house = await openHouse();
  tip = (await addCommit(house.upstream.git, { branch: "main", path: "a.txt", text: "one" })) as Sha;
}, 60_000);
afterEach(async () => void (await house.upstream.git(["update-ref", "-d", publishedRef])));
afterAll(() => house?.[Symbol.asyncDispose]());

const refs = () => house.upstream.git(["for-each-ref", "--format=%(refname) %(objectname)"]);
const pathsOn = async (git: (...args: string[]) => Promise<string>, ref: string) =>
  (await git("ls-tree", "-r", "-z", "--name-only", ref)).split("\0").filter((path) => path !== "");
const onGitHub = (...args: string[]) => house.upstream.git(args);
const hand = (agent: AgentSide, commit: string) => agent.git(["push", "-q", "origin", `+${commit}:refs/heads/work`]);

describe("a file that CI runs", () => {
  const workflow = "on: push\njobs: {}\n";
  const cases: [string, TreeFile[]][] = [
    ["a workflow", [{ path: ".github/workflows/x.yml", text: workflow }]],
    ["a workflow in other letters", [{ path: ".GitHub/Workflows/x.yml", text: workflow }]],
    ["a workflow with an accent, decomposed", [{ path: ".github/workflows/e\u0301.yml", text: workflow }]],
    [
      "a link in the place of the folder",
      [
        { path: ".github/workflows", text: "../x", mode: "120000" },
        { path: "x/ci.yml", text: workflow },
      ],
    ],
    [
      "a link in the place of .github",
      [
        { path: ".github", text: "x", mode: "120000" },
        { path: "x/workflows/ci.yml", text: workflow },
      ],
    ],
    ["a submodule in the place of .github", [{ path: ".github", text: "", mode: "160000" }]],
    ["an action that a workflow of the base uses", [{ path: "x/action.yml", text: "runs: {}" }]],
    ["an action in other letters", [{ path: "x/Action.YAML", text: "runs: {}" }]],
    ["a reusable workflow", [{ path: ".github/workflows/reuse.yml", text: "on: workflow_call\njobs: {}\n" }]],
    ["a file that was moved there", [{ path: ".github/workflows/a.txt.yml", text: "one" }]],
  ];
  it.each(cases)("[22] is refused with its path: %s", async (_, files) => {
    await using agent = await openAgent(house, tip);
    const commit = await agent.commit(files);
    await agent.naive.push(`${commit}:${publishedRef}`);
    const paths = await pathsOn(agent.naive.github.git, publishedRef);
    for (const { path } of files) controlFell(paths.includes(path));
    const before = await refs();
    await hand(agent, commit);
    const { verdict } = await publish(house, agent);
    expect(verdict).toMatchObject({ is: "refused", reason: { code: "publish.workflow" } });
    expect(await refs()).toBe(before);
  });
});

describe("several refs, and refs that move", () => {
  it.each([[["--atomic"]], [[]]])("[18] leave by none but the one, as it was read: pushed with %j", async (options) => {
    await using agent = await openAgent(house, tip);
    const good = await agent.commit([{ path: "good.txt", text: "good" }]);
    const evil = await agent.commit([{ path: "evil.txt", text: "evil" }], { parents: [good] });
    const all = [`${good}:refs/heads/work`, `${evil}:refs/heads/main`, `${evil}:refs/heads/other`, `${evil}:refs/tags/v1`];
    // The control reads one commit, and pushes what stands there afterwards, with all that stands beside it.
    await agent.git(["update-ref", "refs/heads/work", good]);
    expect(await agent.naive.diff("--name-only", "refs/heads/work")).toBe("good.txt");
    await agent.git(["update-ref", "refs/heads/work", evil]);
    await agent.git(["update-ref", "refs/tags/v1", evil]);
    await agent.naive.push("--mirror");
    controlFell((await pathsOn(agent.naive.github.git, "refs/heads/work")).includes("evil.txt"));
    controlFell((await agent.naive.github.git("for-each-ref", "refs/tags")).includes("v1"));

    const before = await refs();
    await agent.git(["push", "-q", ...options, "origin", ...all.map((spec) => `+${spec}`)]);
    // The door is not even shut here: the agent's own ref moves between reading and pushing.
    const { pushed } = await publish(house, agent, () => hand(agent, evil));
    expect((await house.git.git({ run: agent.run }, ["rev-parse", "refs/heads/work"])).stdout.toString().trim()).toBe(evil);
    expect(await pathsOn(onGitHub, publishedRef)).toEqual(["a.txt", "good.txt"]);
    expect((await refs()).split("\n").sort()).toEqual([...before.split("\n"), `${publishedRef} ${pushed}`].sort());
  });
});

describe("a repository that runs something on the host", () => {
  /** The agent's own clone is made to run a program at many occasions; what of it can be pushed is pushed. */
  async function arm(agent: AgentSide): Promise<string> {
    const marker = join(house.folder, `marker-${agent.run}`);
    const program = join(agent.work, "run.sh");
    await writeFile(program, `#!/bin/sh\ntouch '${marker}'\n`);
    await chmod(program, 0o755);
    await writeFile(join(agent.work, ".gitattributes"), "* filter=evil diff=evil merge=evil\n");
    return program;
  }
  const settings: [string, (agent: AgentSide, program: string) => Promise<unknown>, string[]][] = [
    ["core.fsmonitor", (agent, program) => agent.git(["config", "core.fsmonitor", program]), ["status"]],
    ["a filter", (agent, program) => agent.git(["config", "filter.evil.clean", program]), ["add", "-A"]],
    ["textconv", (agent, program) => agent.git(["config", "diff.evil.textconv", program]), ["diff", "HEAD", "--", "a.txt"]],
    ["a diff program", (agent, program) => agent.git(["config", "diff.external", program]), ["diff", "HEAD"]],
    [
      "a hook",
      async (agent, program) => {
        await mkdir(join(agent.work, ".git/hooks"), { recursive: true });
        await writeFile(join(agent.work, ".git/hooks/pre-push"), `#!/bin/sh\n${program} </dev/null\n`);
        await chmod(join(agent.work, ".git/hooks/pre-push"), 0o755);
      },
      [],
    ],
    [
      "a folder of hooks",
      async (agent, program) => {
        await mkdir(join(agent.work, "h"));
        await writeFile(join(agent.work, "h/pre-push"), `#!/bin/sh\n${program} </dev/null\n`);
        await chmod(join(agent.work, "h/pre-push"), 0o755);
        await agent.git(["config", "core.hooksPath", "h"]);
      },
      [],
    ],
  ];
  it.each(settings)("[23] is read without running it: %s", async (_, set, look) => {
    await using agent = await openAgent(house, tip);
    const program = await arm(agent);
    const marker = join(house.folder, `marker-${agent.run}`);
    const commit = await agent.commit([
      { path: ".gitattributes", text: "* filter=evil diff=evil merge=evil\n" },
      { path: "run.sh", text: "x", mode: "100755" },
    ]);
    await hand(agent, commit);
    await set(agent, program);
    await appendFile(join(agent.work, "a.txt"), "more\n");
    const { verdict, hold } = await publish(house, agent);
    expect([verdict.is, hold]).toEqual(["passed", ["publish.git-settings"]]);
    expect(existsSync(marker)).toBe(false);
    if (look.length > 0) await agent.tryGit(...look);
    else await agent.naive.push(`${commit}:${publishedRef}`);
    controlFell(existsSync(marker));
  });

  it("[23] in a repository that lies in the tree is held, and not entered", async () => {
    await using agent = await openAgent(house, tip);
    const marker = join(house.folder, `marker-${agent.run}`);
    const config = `[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n\tfsmonitor = "touch ${marker}; false"\n`;
    const commit = await agent.commit([
      { path: "docs/HEAD", text: "ref: refs/heads/main\n" },
      { path: "docs/config", text: config },
      { path: "docs/objects/x", text: "" },
      { path: "docs/refs/x", text: "" },
    ]);
    await hand(agent, commit);
    expect((await publish(house, agent)).hold).toEqual(["publish.bare-repository"]);
    expect(existsSync(marker)).toBe(false);
    // The control checks out what it was given, and somebody looks around in it.
    await agent.git(["checkout", "-q", commit]);
    await execa("git", ["status"], { ...cleanGit, cwd: join(agent.work, "docs"), reject: false });
    controlFell(existsSync(marker));
  });

  it.each<[string, TreeFile[], string]>([
    ["a link out of the tree", [{ path: "l", text: "../../etc/passwd", mode: "120000" }], "publish.link"],
    ["a link to a fixed place", [{ path: "l", text: "/etc/passwd", mode: "120000" }], "publish.link"],
    [
      "a submodule's settings",
      [{ path: ".gitmodules", text: '[submodule "s"]\n\tpath = s\n\turl = ./s\n' }],
      "publish.git-settings",
    ],
  ])("[23] is held: %s", async (_, files, code) => {
    await using agent = await openAgent(house, tip);
    const commit = await agent.commit(files);
    await agent.naive.push(`${commit}:${publishedRef}`);
    controlFell((await pathsOn(agent.naive.github.git, publishedRef)).includes(files[0]?.path ?? ""));
    await hand(agent, commit);
    expect((await publish(house, agent)).hold).toEqual([code]);
  });
});

describe("work that is too large", () => {
  it("[24] in one file of 150 MB is refused with its size, though its pack is small", async () => {
    await using agent = await openAgent(house, tip);
    const size = 150 * 1024 ** 2;
    await execa("truncate", ["-s", `${size}`, join(agent.work, "big.bin")]);
    await agent.git(["add", "-A"]);
    await agent.git(["commit", "-qm", "Big"]);
    await agent.naive.push(`HEAD:${publishedRef}`);
    controlFell((await agent.naive.github.git("cat-file", "-s", `${publishedRef}:big.bin`)) === `${size}`);
    await hand(agent, await agent.git(["rev-parse", "HEAD"]));
    const { verdict } = await publish(house, agent);
    expect(verdict).toMatchObject({
      reason: { code: "publish.too-much", words: "The work has 150 MiB of new content; a run may have 50 MiB." },
    });
  }, 120_000);

  it("[24] in a million files of one content is given up soon, though its pack has six objects", async () => {
    await using agent = await openAgent(house, tip);
    let inner = `100644 blob ${await agent.git(["hash-object", "-w", "--stdin"], "x")}`;
    for (let depth = 0; depth < 3; depth++) {
      const lines = Array.from({ length: 100 }, (_, i) => `${inner}\tf${i}\0`);
      inner = `040000 tree ${await agent.git(["mktree", "-z"], lines.join(""))}`;
    }
    const top = await agent.git(["mktree", "-z"], `${inner}\tmany\0`);
    const commit = await agent.git(["commit-tree", top, "-p", tip, "-m", "Many"]);
    await agent.naive.push(`${commit}:${publishedRef}`);
    const listed = await execa("git", ["-C", agent.work, "ls-tree", "-r", "-z", "--name-only", commit], {
      ...cleanGit,
      maxBuffer: 1e9,
    });
    controlFell(listed.stdout.split("\0").length > 1_000_000);
    await hand(agent, commit);
    const startedMs = performance.now();
    await expect(readWork(house.git, agent.run, { base: tip, limit: 200 })).rejects.toMatchObject({ code: "git.too-large" });
    expect(performance.now() - startedMs).toBeLessThan(60_000);
  }, 120_000);
});

describe("what the host's reading is to miss", () => {
  const secret = `ghp_${"aB3dE5gH7jK9".repeat(3)}`;
  const evil: TreeFile[] = [{ path: ".github/workflows/é.yml", text: "on: push\n" }];

  it("[66] by a replace ref is read as what is pushed", async () => {
    await using agent = await openAgent(house, tip);
    const commit = await agent.commit(evil);
    await agent.git(["replace", commit, tip]);
    controlFell((await agent.naive.diff("--name-only", commit)) === "");
    await agent.naive.push(`${commit}:${publishedRef}`);
    controlFell((await pathsOn(agent.naive.github.git, publishedRef)).includes(evil[0]?.path ?? ""));
    await hand(agent, commit);
    expect((await agent.tryGit("push", "origin", `refs/replace/${commit}`)).exitCode).not.toBe(0);
    // Even where it is there.
    await house.git.git({ run: agent.run }, ["update-ref", `refs/replace/${commit}`, tip]);
    expect((await publish(house, agent)).verdict).toMatchObject({ reason: { code: "publish.workflow" } });
  });

  it("[66] by a name that git quotes is read as it is", async () => {
    await using agent = await openAgent(house, tip);
    const commit = await agent.commit(evil);
    const names = (await agent.naive.diff("--name-only", commit)).split("\n");
    controlFell(!names.some((name) => name.startsWith(".github/")));
    await hand(agent, commit);
    expect((await publish(house, agent)).verdict.is).toBe("refused");
  });

  it("[66] in a merge that changes what neither side did is read as its end", async () => {
    await using agent = await openAgent(house, tip);
    const sides = [await agent.commit([{ path: "b", text: "b" }]), await agent.commit([{ path: "c", text: "c" }])];
    const merge = await agent.commit([{ path: "b", text: "b" }, { path: "c", text: "c" }, ...evil], { parents: sides });
    const log = await agent.git(["log", "--name-only", "--format=", `${tip}..${merge}`]);
    controlFell(log.split(/\n+/).sort().join() === "b,c");
    await hand(agent, merge);
    expect((await publish(house, agent)).verdict.is).toBe("refused");
  });

  it("[66] as a secret of a commit between, or behind an attribute that hides it, is found", async () => {
    await using agent = await openAgent(house, tip);
    const one = await agent.commit([{ path: "key", text: secret }]);
    const two = await agent.commit([{ path: "fine", text: "x" }], { parents: [one] });
    controlFell(!(await agent.naive.diff(two)).includes(secret));
    await agent.naive.push(`${two}:${publishedRef}`);
    controlFell((await agent.naive.github.git("show", `${publishedRef}^:key`)) === secret);
    await hand(agent, two);
    expect((await publish(house, agent)).hold).toEqual(["publish.secret"]);

    await writeFile(join(agent.work, ".gitattributes"), "* -diff\n");
    const hidden = await agent.commit([
      { path: "key", text: secret },
      { path: ".gitattributes", text: "* -diff\n" },
    ]);
    controlFell(!(await agent.naive.diff(hidden)).includes(secret));
    await hand(agent, hidden);
    expect((await publish(house, agent)).hold.sort()).toEqual(["publish.git-settings", "publish.secret"]);
  });

  it("[66] by a graft is read with all its parents", async () => {
    await using agent = await openAgent(house, tip);
    const one = await agent.commit([{ path: "key", text: secret }]);
    const two = await agent.commit([{ path: "fine", text: "x" }], { parents: [one] });
    await hand(agent, two);
    await writeFile(join(agent.work, ".git/info/grafts"), `${two} ${tip}\n`);
    controlFell((await agent.git(["rev-list", two, `^${tip}`])) === two);
    expect((await publish(house, agent)).hold).toEqual(["publish.secret"]);
  });
});

describe("a commit in another's name", () => {
  it("[68] leaves in ours, with no directive of its message", async () => {
    await using agent = await openAgent(house, tip);
    const message = "Mend [skip ci]\n\nFixes #3, asks @acme/ops\n\nCo-authored-by: Eve <eve@example.com>\nskip-checks: true\n";
    const commit = await agent.commit([{ path: "b.txt", text: "b" }], { message });
    const format = ["log", "-1", "--format=%an <%ae> %cn%n%B"];
    await agent.naive.push(`${commit}:${publishedRef}`);
    const effects = [/^A </, /\[skip ci\]/, /Fixes #3/, /@acme/, /Co-authored-by: Eve/, /^skip-checks/m];
    const naive = await agent.naive.github.git(...format, publishedRef);
    for (const effect of effects) controlFell(effect.test(naive));
    await hand(agent, commit);
    await publish(house, agent);
    const ours = await onGitHub(...format, publishedRef);
    expect(ours).toMatch(/^airlock\[bot\] </);
    for (const effect of effects) expect(ours).not.toMatch(effect);
    expect(await pathsOn(onGitHub, publishedRef)).toEqual(["a.txt", "b.txt"]);
  });
});

describe("a file that runs on the next machine", () => {
  const policy = { workflows: "refuse" } as const;
  const names = [
    ...[
      ".claude/settings.json",
      ".vscode/tasks.json",
      ".devcontainer/devcontainer.json",
      ".husky/pre-commit",
      ".npmrc",
      ".envrc",
    ],
    ...["docs/CODEOWNERS", ".github/agent.yml"],
  ];
  it.each([...names, ".gitmodules"])("[67] %s is held, however a disk lets it be written", (name) => {
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
  });

  it("[67] is held as a whole, where plain git pushes all of them", async () => {
    await using agent = await openAgent(house, tip);
    const commit = await agent.commit(names.map((path) => ({ path, text: "x" })));
    await agent.naive.push(`${commit}:${publishedRef}`);
    const arrived = await pathsOn(agent.naive.github.git, publishedRef);
    for (const name of names) controlFell(arrived.includes(name));
    const before = await refs();
    await hand(agent, commit);
    expect((await publish(house, agent)).hold).toHaveLength(names.length);
    expect(await refs()).toBe(before);
  });
});
