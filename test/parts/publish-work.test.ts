import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GitHost } from "../../src/git/client.ts";
import { runGit } from "../../src/git/host/run-git.ts";
import { inspect } from "../../src/publish/inspect.ts";
import { readPatch, readWork, type Work } from "../../src/publish/read.ts";
import { rebuildWork } from "../../src/publish/rebuild.ts";
import { parseSha, type Sha } from "../../src/run/identity.ts";
import { requestOf, runId } from "../helpers/store.ts";

const run = runId("publish");
const rest = { bytes: 0, policy: { workflows: "refuse" } } as const;
const identity = {
  id: 1,
  slug: "airlock",
  botId: 9,
  botLogin: "airlock[bot]",
  email: "9+airlock[bot]@users.noreply.github.com",
  permissions: {},
};
const who = {
  GIT_AUTHOR_NAME: "Mallory",
  GIT_AUTHOR_EMAIL: "m@example.com",
  GIT_COMMITTER_NAME: "Mallory",
  GIT_COMMITTER_EMAIL: "m@example.com",
};
let folder: string;
let gitDir: string;
let host: GitHost;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-publish-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let base: Sha;
beforeEach(async () => {
  gitDir = join(folder, `${count++}.git`);
  await runGit({ args: ["init", "--bare", "-q", gitDir] });
  // The git host without its process: the same git, in the same clean environment.
  host = {
    git: async (_: unknown, args: string[], options = {}) => {
      const { exitCode, ...result } = await runGit({ gitDir, args, ...options });
      return { exitCode: exitCode ?? 137, ...result };
    },
  } as unknown as GitHost;
  base = await commit([], { "a.txt": "a\n", "b.txt": "b\n" }, "Base");
});

async function git(args: string[], input?: string): Promise<string> {
  const result = await runGit({ gitDir, args, env: who, ...(input !== undefined && { input: Buffer.from(input) }) });
  if (result.exitCode !== 0) throw new Error(result.stderr);
  return result.stdout.toString("utf8").trim();
}

/** A commit of these files, flat or one folder deep. */
async function commit(parents: string[], files: Record<string, string>, message: string): Promise<Sha> {
  const tree = async (entries: [string, string][]): Promise<string> => {
    const lines: string[] = [];
    const folders = new Set(entries.filter(([path]) => path.includes("/")).map(([path]) => path.slice(0, path.indexOf("/"))));
    for (const [path, text] of entries)
      if (!path.includes("/")) lines.push(`100644 blob ${await git(["hash-object", "-w", "--stdin"], text)}\t${path}`);
    for (const name of folders) {
      const inner = entries
        .filter(([path]) => path.startsWith(`${name}/`))
        .map(([path, text]): [string, string] => [path.slice(name.length + 1), text]);
      lines.push(`040000 tree ${await tree(inner)}\t${name}`);
    }
    return git(["mktree", "-z"], lines.map((line) => `${line}\0`).join(""));
  };
  const made = await git(["commit-tree", ...parents.flatMap((sha) => ["-p", sha]), await tree(Object.entries(files))], message);
  const sha = parseSha(made);
  if (!sha) throw new Error(`no commit: ${made}`);
  return sha;
}

async function workOf(tip: string, limit = 200, target?: Sha): Promise<Work | undefined> {
  await git(["update-ref", "refs/heads/work", tip]);
  return readWork(host, run, { base, limit, ...(target && { target }) });
}

async function rebuilt(work: Work, nowMs = 1_800_000_000_000): Promise<Sha> {
  return rebuildWork(
    {
      git: host,
      run,
      request: requestOf(7),
      identity,
      base,
      nowMs,
      redact: (text) => text.replaceAll("ghs_key", "[secret]"),
    },
    work,
  );
}

const treeOf = (sha: string): Promise<string> => git(["rev-parse", `${sha}^{tree}`]);
const log = async (tip: string): Promise<string[]> =>
  (await git(["log", "--format=%an|%ae|%cn|%s|%p", `${base}..${tip}`])).split("\n");

describe("the work of an agent", () => {
  it("is nothing where there is no ref, no commit, or no change in the end", async () => {
    expect(await readWork(host, run, { base, limit: 200 })).toBeUndefined();
    expect(await workOf(base)).toBeUndefined();
    const changed = await commit([base], { "a.txt": "other\n", "b.txt": "b\n" }, "There");
    expect(await workOf(await commit([changed], { "a.txt": "a\n", "b.txt": "b\n" }, "And back"))).toBeUndefined();
  });

  it("[68] that is one commit after the other is rebuilt as such, with the same trees and none of its author", async () => {
    const one = await commit(
      [base],
      { "a.txt": "1\n", "b.txt": "b\n" },
      "One\n\nFixes #3\n\nCo-authored-by: Eve <e@example.com>\n",
    );
    const two = await commit([one], { "a.txt": "2\n", "b.txt": "b\n" }, "Two");
    const work = await workOf(two);
    if (!work) throw new Error("nothing");
    expect([work.chain, work.changes.map(({ sha }) => sha)]).toEqual([true, [one, two, two]]);
    const tip = await rebuilt(work);
    expect((await log(tip)).map((line) => line.split("|").slice(0, 4))).toEqual([
      ["airlock[bot]", identity.email, "airlock[bot]", "Two"],
      ["airlock[bot]", identity.email, "airlock[bot]", "One"],
    ]);
    expect([await treeOf(tip), await treeOf(`${tip}^`), await git(["rev-parse", `${tip}~2`])]).toEqual([
      await treeOf(two),
      await treeOf(one),
      base,
    ]);
    const message = await git(["log", "-1", "--format=%B", `${tip}^`]);
    expect(message).toBe(
      "One\n\nFixes no. 3\n\nCo-authored-by: maintainer <11+maintainer@users.noreply.github.com>\nAirlock-Run: publishaaaaaaaaa",
    );
    expect(await git(["fsck", "--strict", "--no-dangling"])).toBe("");
  });

  it("is the same commit however often it is rebuilt, dated by the agent's last unless that lies", async () => {
    const tip = await commit([base], { "a.txt": "1\n", "b.txt": "b\n" }, "One");
    const work = await workOf(tip);
    if (!work) throw new Error("nothing");
    const dateOf = async (sha: string) => Number(await git(["log", "-1", "--format=%ct", sha])) * 1_000;
    const made = await rebuilt(work);
    expect(await rebuilt(work, 1_900_000_000_000)).toBe(made);
    expect(await dateOf(made)).toBe(await dateOf(tip));
    // Later than now: it is no older than the request, that much is certain.
    expect(await dateOf(await rebuilt(work, 2_000_000))).toBe(requestOf(7).askedAtMs);
  });

  it.each<[string, () => Promise<string>]>([
    [
      "a merge",
      async () =>
        commit(
          [await commit([base], { "a.txt": "1\n" }, "One"), await commit([base], { "b.txt": "2\n" }, "Two")],
          { "a.txt": "m\n" },
          "Merged",
        ),
    ],
    ["a history of its own", async () => commit([], { "a.txt": "fresh\n" }, "Fresh")],
    [
      "a step back before the base",
      async () => {
        const before = base;
        base = await commit([before], { "a.txt": "later\n" }, "Later");
        return before;
      },
    ],
  ])("that is %s becomes one commit of the same tree on the base", async (_, make) => {
    const tip = await make();
    const work = await workOf(tip);
    if (!work) throw new Error("nothing");
    expect([work.chain, work.changes.map(({ sha }) => sha)]).toEqual([false, [tip]]);
    const made = await rebuilt(work);
    expect(made).not.toBe(base);
    expect([await treeOf(made), await git(["rev-parse", `${made}^`])]).toEqual([await treeOf(tip), base]);
    expect(await log(made)).toHaveLength(1);
  });

  it("of more commits than a run may have is refused as too many, not folded into one unseen", async () => {
    let tip: string = base;
    for (let n = 0; n < 4; n++) tip = await commit([tip], { "a.txt": `${n}\n` }, `Commit ${n}`);
    for (const limit of [2, 3]) {
      const work = await workOf(tip, limit);
      expect(work && inspect({ commits: work.changes, ...rest, limits: { commits: limit, files: 9, bytes: 9 } })).toMatchObject({
        reason: { code: "publish.too-much" },
      });
    }
    const work = await workOf(tip, 4);
    expect(work && inspect({ commits: work.changes, ...rest, limits: { commits: 4, files: 9, bytes: 9 } }).is).toBe("passed");
  });

  describe("that merged the target in", () => {
    const ci = ".github/ci.yml";
    const changedIn = async (tip: Sha, target: Sha) => {
      const work = await workOf(tip, 200, target);
      return work?.changes.at(-1)?.changes.map(({ path }) => path);
    };

    it("counts without what came from there", async () => {
      const main = await commit([base], { "a.txt": "a\n", "b.txt": "main\n", [ci]: "theirs" }, "Main moved on");
      const mine = await commit([base], { "a.txt": "mine\n", "b.txt": "b\n" }, "Mine");
      const tip = await commit([mine, main], { "a.txt": "mine\n", "b.txt": "main\n", [ci]: "theirs" }, "Merge main");
      expect(await changedIn(tip, main)).toEqual(["a.txt"]);
      // The control: measured against the start alone, the target's changes would be the agent's.
      expect((await workOf(tip))?.changes.at(-1)?.changes).toHaveLength(3);
      // Later commits of the target change nothing of that.
      const later = await commit([main], { "a.txt": "a\n", "b.txt": "later\n", [ci]: "later" }, "Later");
      expect(await changedIn(tip, later)).toEqual(["a.txt"]);
      // Taken without a merge they do count: they would be rebuilt as commits of ours.
      expect(await changedIn(await commit([main], { "a.txt": "x\n", "b.txt": "main\n", [ci]: "theirs" }, "On"), main)).toEqual([
        ci,
        "a.txt",
        "b.txt",
      ]);
    });

    it("[66] shows what the merge itself changed, in a file that the target changed too", async () => {
      const main = await commit([base], { "a.txt": "a\n", "b.txt": "b\n", [ci]: "theirs" }, "Main moved on");
      const mine = await commit([base], { "a.txt": "mine\n", "b.txt": "b\n" }, "Mine");
      const evil = await commit([mine, main], { "a.txt": "mine\n", "b.txt": "b\n", [ci]: "evil" }, "Merge main");
      // The control: what shows each commit against its first parent and leaves merges out shows nothing of it.
      expect(await git(["log", "--no-merges", "--name-only", "--format=", `${main}..${evil}`])).toBe("a.txt");
      expect(await changedIn(evil, main)).toEqual([ci, "a.txt"]);
      const gone = await commit([mine, main], { "a.txt": "mine\n", "b.txt": "b\n", [ci]: "evil" }, "Undone below");
      const back = await commit([gone], { "a.txt": "mine\n", "b.txt": "b\n", [ci]: "theirs" }, "And undone");
      expect(await changedIn(back, main)).toEqual(["a.txt"]);
    });

    it("[66] is not deceived by a target that it had already, or by another branch", async () => {
      const old = await commit([base], { "a.txt": "a\n", [ci]: "old" }, "Old");
      base = await commit([old], { "a.txt": "a\n", [ci]: "new" }, "New");
      const other = await commit([old], { "a.txt": "a\n", [ci]: "old", "c.txt": "c" }, "Beside it");
      // Back to the version of a commit that the start contains, in the shape of a merge.
      const tip = await commit([base, other], { "a.txt": "a\n", [ci]: "old", "c.txt": "c" }, "Merge");
      expect(await changedIn(tip, old)).toEqual([ci, "c.txt"]);
      // Nothing of a branch that is not the target's is excused.
      expect(await changedIn(tip, base)).toEqual([ci, "c.txt"]);
    });

    it("[66] crosswise counts without what came from there, and shows where somebody chose between two", async () => {
      const files = { "a.txt": "a\n", "b.txt": "b\n", [ci]: "start" };
      base = await commit([base], files, "Start");
      const one = await commit([base], { ...files, "a.txt": "one\n", [ci]: "one" }, "One");
      const two = await commit([base], { ...files, "b.txt": "two\n" }, "Two");
      const both = { "a.txt": "one\n", "b.txt": "two\n", [ci]: "one" };
      const main = await commit([one, two], both, "Main merged them");
      const mine = await commit([two, one], { ...both, "c.txt": "mine" }, "And so did the agent");
      expect((await git(["merge-base", "--all", mine, main])).split("\n").sort()).toEqual([one, two].sort());
      expect(await changedIn(mine, main)).toEqual(["c.txt"]);

      const rival = await commit([base], { ...files, "b.txt": "two\n", [ci]: "two" }, "Two, which changes it as well");
      const settled = await commit([one, rival], { ...both, [ci]: "two" }, "Main took the second");
      const chosen = await commit([rival, one], { ...both, [ci]: "one" }, "The agent takes the first");
      expect((await git(["merge-base", "--all", chosen, settled])).split("\n")).toHaveLength(2);
      expect(await changedIn(chosen, settled)).toEqual([ci]);
      const evil = await commit([rival, one], { ...both, [ci]: "evil" }, "Or something else");
      expect(await changedIn(evil, settled)).toEqual([ci]);
    });
  });

  it("[66] is read as it is, whatever replace refs, attributes and names say", async () => {
    const workflow = ".github/workflows/é.yml";
    const evil = await commit(
      [base],
      { "a.txt": "a\n", ".gitattributes": "* -diff\n", [workflow.slice(0, 7) + '/x"\\\n.yml']: "x" },
      "Evil",
    );
    const innocent = await commit([base], { "a.txt": "a\n", "b.txt": "b\n" }, "Innocent");
    await git(["update-ref", `refs/replace/${evil}`, innocent]);
    const work = await workOf(evil);
    expect(
      work?.changes
        .at(-1)
        ?.changes.map(({ path }) => path)
        .sort(),
    ).toEqual([".gitattributes", '.github/x"\\\n.yml', "b.txt"]);
  });

  it("is kept as a patch that is cut where it is long, with whatever bytes are in it", async () => {
    const tip = await commit([base], { "a.txt": `${"x".repeat(9_000)}\0end\n`, "b.txt": "b\n" }, "Long");
    expect(await readPatch(host, run, base, tip, 100_000)).toContain("\0end");
    const cut = await readPatch(host, run, base, tip, 500);
    expect(cut.length).toBeLessThan(700);
    expect(cut).toContain("longer than what is kept");
  });
});
