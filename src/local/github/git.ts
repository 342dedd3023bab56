import { execa } from "execa";
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
  const done = await execa("git", ["--git-dir", folder, ...args], {
    env: { ...gitEnvironment, ...options.env },
    extendEnv: false,
    encoding: "buffer",
    stripFinalNewline: false,
    maxBuffer: 200_000_000,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  return Buffer.from(done.stdout);
}

/** Like git(), but undefined where git says no (exit code other than 0). */
export async function tryGit(folder: string, args: string[], options: GitOptions = {}): Promise<string | undefined> {
  const done = await execa("git", ["--git-dir", folder, ...args], {
    env: { ...gitEnvironment, ...options.env },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 200_000_000,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  return done.exitCode === 0 ? String(done.stdout) : undefined;
}

/** The object name of a branch, tag or commit, peeled to the commit; undefined where there is none. */
export async function findCommit(folder: string, name: string): Promise<string | undefined> {
  if (name.startsWith("-") || name.includes("..") || name.includes("@{")) return undefined;
  for (const candidate of [`refs/heads/${name}`, `refs/tags/${name}`, name]) {
    const found = await tryGit(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${candidate}^{commit}`]);
    if (found !== undefined) return found.trim();
  }
  return undefined;
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
