import type { GitHost } from "../git/client.ts";
import { parseSha, type RunId, type Sha } from "../run/identity.ts";
import { type AgentCommit, type Change, isChain, parseRawChanges, parseRevList } from "./changes.ts";

/** The one ref that is read: the entrypoint pushes the work there when the agent ends. */
export const workRef = "refs/heads/work";

export interface Work {
  tip: Sha;
  /** Oldest first. */
  commits: AgentCommit[];
  /** False: merges or a foreign history, which become one commit. */
  chain: boolean;
  /** What each commit changed, and the end against the start. */
  changes: { sha: string; changes: Change[] }[];
}

/** Reads what the agent made since `base`. Undefined: nothing. The door is shut by now: nothing moves any more. */
export async function readWork(
  git: GitHost,
  run: RunId,
  { base, limit, target }: { base: Sha; limit: number; target?: Sha },
): Promise<Work | undefined> {
  const read = async (args: string[]) => {
    const output = await git.git({ run }, args);
    if (output.exitCode !== 0) throw new Error(`git ${args[0]} failed in the run's repository: ${output.stderr.slice(0, 200)}`);
    return output.stdout;
  };
  const shown = await git.git({ run }, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${workRef}^{commit}`]);
  const tip = parseSha(shown.stdout.toString("utf8").trim());
  if (!tip || tip === base) return undefined;
  const listed = await read([
    "rev-list",
    "--reverse",
    "--topo-order",
    "--parents",
    `--max-count=${limit + 1}`,
    "--end-of-options",
    tip,
    `^${base}`,
  ]);
  const commits = parseRevList(listed.toString("utf8"));
  const diff = async (old: string, now: string) => parseRawChanges(await read([...rawDiff, "--end-of-options", old, now]));
  const whole = { sha: tip, changes: await diff(base, tip) };
  if (whole.changes.length === 0) return undefined;
  // Of too many only the newest are listed: a chain by themselves, so that they are refused as too many and not folded into one.
  const from = commits.length > limit ? (commits[0]?.parents[0] ?? base) : base;
  const chain = isChain(from, commits);
  if (!chain && target) {
    const pathsOf = async (old: string, now: string) => new Set((await diff(old, now)).map(({ path }) => path));
    const merged: { differs: Set<string>; moved: Set<string> }[] = [];
    for (const sha of await findMerged(git, run, { base, tip, target }))
      merged.push({ differs: await pathsOf(sha, tip), moved: await pathsOf(base, sha) });
    if (merged.length > 0) whole.changes = whole.changes.filter(({ path }) => isOwn(path, merged));
  }
  // Commits of a history that is not a chain are never pushed: only the end's tree is, against the start.
  const each = [];
  if (chain)
    for (const commit of commits) each.push({ sha: commit.sha, changes: await diff(commit.parents[0] ?? base, commit.sha) });
  return { tip, commits, chain, changes: [...each, whole] };
}

/**
 * ◆ Whether the agent had a hand in a path of a history with merges. What it merged in from the target is not its own: there the end is as one
 * of the merged commits has it, and none of the others that changed it says otherwise. Where two of them do, somebody chose.
 * Of each merged commit, the paths that `differs` from the end, and that it has `moved` against the start.
 */
export function isOwn(path: string, merged: readonly { differs: ReadonlySet<string>; moved: ReadonlySet<string> }[]): boolean {
  if (merged.every(({ differs }) => differs.has(path))) return true;
  return merged.some(({ differs, moved }) => differs.has(path) && moved.has(path));
}

const mostMerged = 8;

/**
 * The newest commits of the target that the work contains and its start did not: several where histories were merged crosswise. None where
 * there are more than can be compared: then every change counts as the agent's.
 */
async function findMerged(git: GitHost, run: RunId, of: { base: Sha; tip: Sha; target: Sha }): Promise<Sha[]> {
  const known = await git.git({ run }, ["cat-file", "-e", `${of.target}^{commit}`]);
  if (known.exitCode !== 0) return [];
  const found = await git.git({ run }, ["merge-base", "--all", "--end-of-options", of.tip, of.target]);
  if (found.exitCode !== 0) return [];
  const all = found.stdout.toString("utf8").trim().split("\n").map(parseSha);
  if (all.length > mostMerged) return [];
  const merged: Sha[] = [];
  for (const sha of all) {
    if (!sha) return [];
    // In the start already: then the agent did not merge it, and going back to the target's version is its own doing.
    const old = await git.git({ run }, ["merge-base", "--is-ancestor", "--end-of-options", sha, of.base]);
    if (old.exitCode === 1) merged.push(sha);
    else if (old.exitCode !== 0) return [];
  }
  return merged;
}

/** Bytes of all contents that the work adds or changes, each counted once. */
export async function sumBytes(git: GitHost, run: RunId, work: Work): Promise<number> {
  const changes = work.changes.flatMap((commit) => commit.changes);
  const ids = new Set(changes.filter((c) => c.status !== "D" && c.newMode !== "160000").map(({ newId }) => newId));
  if (ids.size === 0) return 0;
  const output = await git.git({ run }, ["cat-file", "--batch-check"], { input: Buffer.from(`${[...ids].join("\n")}\n`) });
  if (output.exitCode !== 0) throw new Error(`git cat-file failed in the run's repository: ${output.stderr.slice(0, 200)}`);
  const sizes = output.stdout.toString("utf8").trimEnd().split("\n");
  return sizes.reduce((sum, line) => {
    const size = /^[0-9a-f]{40} blob (\d+)$/.exec(line)?.[1];
    if (size === undefined) throw new Error("an object of the work is missing");
    return sum + Number(size);
  }, 0);
}

const rawDiff = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-textconv", "--no-ext-diff"];

/** The change as people read it: cut where it is longer than a page can show. */
export async function readPatch(git: GitHost, run: RunId, base: Sha, tip: Sha, limitBytes: number): Promise<string> {
  const args = ["diff", "--no-color", "--no-renames", "--no-textconv", "--no-ext-diff", "--end-of-options", base, tip];
  const output = await git.git({ run }, args, { limitBytes, truncate: true });
  return output.stdout.toString("utf8") + (output.truncated ? "\n(The change is longer than what is kept here.)\n" : "");
}
