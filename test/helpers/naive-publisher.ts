/** The undefended control of the publisher: plain git in the agent's own repository, and a push to a local bare "GitHub". */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { execa } from "execa";
import { inspect, type Verdict } from "../../src/publish/inspect.ts";
import { readWork, sumBytes } from "../../src/publish/read.ts";
import { readLinks } from "../../src/publish/read-marks.ts";
import { rebuildWork } from "../../src/publish/rebuild.ts";
import { findSecretReasons, readAddedLines } from "../../src/publish/scan/reasons.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { type House, mintTestRun } from "./gateway-house.ts";
import { cleanGit } from "./git-upstream.ts";
import { openLoopback } from "./loopback.ts";
import { requestOf } from "./store.ts";

export const publishedRef = "refs/heads/agent/issue-7";

export interface AgentSide extends AsyncDisposable {
  run: RunId;
  base: Sha;
  /** The agent's clone, with a work tree and a `.git` that it may write. */
  work: string;
  git(args: string[], input?: string): Promise<string>;
  /** Any outcome. */
  tryGit(...args: string[]): Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }>;
  /** A commit of these files, the base's beside them, by plumbing: no disk and no index has a say in the names. */
  commit(files: readonly TreeFile[], of?: { parents?: readonly string[]; message?: string }): Promise<string>;
  /** What a naive publisher does: looks at a diff, and pushes the agent's ref from where it stands. */
  naive: { diff(...args: string[]): Promise<string>; push(...refspecs: string[]): Promise<void>; github: Bare };
}

export interface TreeFile {
  path: string;
  text: string;
  mode?: "100644" | "100755" | "120000" | "160000";
}

/** A bare repository that takes what it is sent. */
export interface Bare {
  git(...args: string[]): Promise<string>;
}

/** An agent with a run's repository behind a real door, its clone of it, and a "GitHub" of its own for the control. */
export async function openAgent(house: House, tip: Sha): Promise<AgentSide> {
  await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
  const fetched = await house.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
  if (fetched.at !== "fetched") throw new Error(JSON.stringify([fetched, transport.failure()]));
  const run = mintTestRun();
  await house.git.ensureRunRepository({ run, bases: [fetched.base], branches: [{ name: "agent/issue-7", sha: tip }] });
  const loopback = await openLoopback(await house.openDoor(run));
  const work = join(house.folder, randomBytes(6).toString("hex"));
  await execa("git", ["clone", "--quiet", `${loopback.url}/git/repository.git`, work], cleanGit);
  const bare = join(house.folder, `${randomBytes(6).toString("hex")}.git`);
  await execa("git", ["init", "--quiet", "--bare", bare], cleanGit);
  // A person's git, as far as it matters here: replace refs and attributes are honoured.
  const tryGit = async (...args: string[]) => execa("git", ["-C", work, ...args], { ...cleanGit, reject: false });
  const git = async (args: string[], input?: string) =>
    (await execa("git", ["-C", work, ...args], { ...cleanGit, ...(input !== undefined && { input }) })).stdout;
  const tree = async (entries: readonly TreeFile[]): Promise<string> => {
    const lines: string[] = [];
    for (const { path, text, mode = "100644" } of entries) {
      if (path.includes("/")) continue;
      const id = mode === "160000" ? tip : await git(["hash-object", "-w", "--stdin"], text);
      lines.push(`${mode} ${mode === "160000" ? "commit" : "blob"} ${id}\t${path}\0`);
    }
    const inner = entries.filter(({ path }) => path.includes("/"));
    for (const folder of new Set(inner.map(({ path }) => path.slice(0, path.indexOf("/"))))) {
      const below = inner.filter(({ path }) => path.startsWith(`${folder}/`));
      const cut = below.map((file) => ({ ...file, path: file.path.slice(folder.length + 1) }));
      lines.push(`040000 tree ${await tree(cut)}\t${folder}\0`);
    }
    return git(["mktree", "-z", "--missing"], lines.join(""));
  };
  return {
    ...{ run, base: tip, work, git, tryGit },
    commit: async (files, { parents = [tip], message = "Work" } = {}) => {
      const all = [{ path: "a.txt", text: "one" }, ...files.filter(({ path }) => path !== "a.txt")];
      return git(["commit-tree", await tree(all), ...parents.flatMap((sha) => ["-p", sha]), "-m", message]);
    },
    naive: {
      diff: (...args) => git(["diff", tip, ...args]),
      push: async (...refspecs) => void (await git(["push", "--quiet", bare, ...refspecs])),
      github: { git: async (...args) => (await execa("git", ["-C", bare, ...args], cleanGit)).stdout },
    },
    [Symbol.asyncDispose]: () => loopback[Symbol.asyncDispose](),
  };
}

const identity = { id: 1, slug: "airlock", botId: 9, botLogin: "airlock[bot]", permissions: {} };
const limits = { commits: 200, files: 3_000, bytes: 50 * 1024 ** 2 };

/** The defence: reads what stands on the run's one ref, judges it, and pushes it, rebuilt, where nothing is in the way. */
export async function publish(
  house: House,
  agent: AgentSide,
  between: () => Promise<unknown> = async () => {},
): Promise<{ verdict: Verdict; hold: string[]; pushed?: Sha }> {
  const { run, base } = agent;
  const work = await readWork(house.git, run, { base, limit: limits.commits });
  if (!work) throw new Error("there is no work");
  const bytes = await sumBytes(house.git, run, work);
  const verdict = inspect({ commits: work.changes, bytes, limits, policy: { workflows: "refuse" } });
  if (verdict.is === "refused") return { verdict, hold: [] };
  const lines = await readAddedLines(house.git, run, { base, work });
  const why = [...verdict.hold, ...(await readLinks(house.git, run, work)).hold, ...(await findSecretReasons(lines))];
  await between();
  if (why.length > 0) return { verdict, hold: why.map(({ code }) => code) };
  const email = "9+airlock[bot]@users.noreply.github.com";
  const rebuilt = await rebuildWork(
    {
      ...{ git: house.git, run, request: requestOf(7), base, nowMs: 1_800_000_000_000 },
      ...{ identity: { ...identity, email }, redact: (text: string) => text },
    },
    work,
  );
  const change = { old: null, new: rebuilt, ref: publishedRef };
  await using transport = await house.openTransport({ of: "runs", allow: { kind: "push", ...change } });
  await house.git.push({ run, ...change, transportSocket: transport.socketPath });
  if (transport.report()?.at !== "ok") throw new Error(JSON.stringify([transport.report(), transport.failure()]));
  return { verdict, hold: [], pushed: rebuilt };
}
