import { isFixed, keepFixed, recallFixed } from "./fixed-answers.ts";
import { orderGit } from "./git-order.ts";
import type { GitAnswer } from "./git-runner.ts";
import { GitHubError } from "./github-error.ts";

/** What every git process of the local GitHub gets and nothing more: no user's configuration, no prompt, no replace refs. Folders may
 *  belong to another user than ours, hence safe.directory. */
export const gitEnvironment: Record<string, string> = {
  PATH: "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
  HOME: "/nonexistent",
  LC_ALL: "C.UTF-8",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_CONFIG_COUNT: "1",
  GIT_CONFIG_KEY_0: "safe.directory",
  GIT_CONFIG_VALUE_0: "*",
};

export interface GitOptions {
  input?: string | Uint8Array;
  env?: Record<string, string>;
}

/** Runs git in a bare repository and returns its standard output as it is. Throws when git fails. */
export async function git(folder: string, args: string[], options: GitOptions = {}): Promise<string> {
  return (await gitBytes(folder, args, options)).toString("utf8");
}

export async function gitBytes(folder: string, args: string[], options: GitOptions = {}): Promise<Buffer> {
  const done = await runGit(folder, args, options);
  if (done.exitCode !== 0) throw new Error(`git ${args[0]} ended with ${done.exitCode ?? "a signal"}: ${done.stderr.trim()}`);
  return Buffer.from(done.stdout);
}

/** Like git(), but undefined where git says no (exit code other than 0). */
export async function tryGit(folder: string, args: string[], options: GitOptions = {}): Promise<string | undefined> {
  const done = await runGit(folder, args, options);
  return done.exitCode === 0 ? Buffer.from(done.stdout).toString("utf8") : undefined;
}

async function runGit(folder: string, args: string[], { env, input }: GitOptions): Promise<GitAnswer> {
  const fixed = env === undefined && input === undefined && isFixed(args);
  const known = fixed ? recallFixed(folder, args) : undefined;
  if (known) return known;
  const answer = await orderGit({
    args: ["--git-dir", folder, ...args],
    env: { ...gitEnvironment, ...env },
    ...(input !== undefined && { input }),
  });
  if (fixed) keepFixed(folder, args, answer);
  return answer;
}

/** The object name of a branch, tag or commit, peeled to the commit; undefined where there is none. */
export async function findCommit(folder: string, name: string): Promise<string | undefined> {
  if (name.startsWith("-") || name.includes("..") || name.includes("@{") || /[\0\n]/.test(name)) return undefined;
  if (/^[0-9a-f]{40}$/.test(name))
    return (await tryGit(folder, ["rev-list", "--max-count=1", "--end-of-options", `${name}^{commit}`]))?.trim();
  const candidates = [`refs/heads/${name}`, `refs/tags/${name}`, name];
  const input = candidates.map((candidate) => `${candidate}^{commit}\n`).join("");
  const found = await git(folder, ["cat-file", "--batch-check=%(objectname)"], { input });
  return found.split("\n").find((line) => /^[0-9a-f]{40}$/.test(line));
}

export async function needCommit(folder: string, name: string): Promise<string> {
  const sha = await findCommit(folder, name);
  if (sha === undefined) throw new GitHubError(422, `No commit found for SHA: ${name}`);
  return sha;
}

/** What a full ref name ("refs/heads/main") points at, unpeeled. */
export async function findRef(folder: string, ref: string): Promise<string | undefined> {
  const found = await tryGit(folder, ["show-ref", "--verify", "--hash", "--", ref]);
  return found?.trim();
}

export interface RefLine {
  ref: string;
  sha: string;
  type: string;
}

export async function listRefs(folder: string, prefix: string): Promise<RefLine[]> {
  const out = await git(folder, ["for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", prefix]);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [ref = "", sha = "", type = ""] = line.split(" ");
      return { ref, sha, type };
    });
}

export async function isAncestor(folder: string, older: string, newer: string): Promise<boolean> {
  return (await tryGit(folder, ["merge-base", "--is-ancestor", older, newer])) !== undefined;
}

export async function isGoodRefName(folder: string, ref: string): Promise<boolean> {
  return (await tryGit(folder, ["check-ref-format", ref])) !== undefined;
}
