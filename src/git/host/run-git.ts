import { execa } from "execa";
import { type GitConfig, gitEnvironment } from "./environment.ts";

export interface GitCall {
  /** The bare repository; absent for `git init`. */
  gitDir?: string;
  args: string[];
  input?: Uint8Array;
  config?: GitConfig;
  protocol?: "http" | "file";
  /** Author and committer variables; checked by `decideVerb` where they come from outside. */
  env?: Record<string, string>;
  /** Longest stdout that is taken. Default 16 MiB. */
  limitBytes?: number;
  /** Default 60,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface GitResult {
  /** undefined: it was killed. */
  exitCode: number | undefined;
  stdout: Buffer;
  /** The first 4 kB. */
  stderr: string;
  truncated: boolean;
  timedOut: boolean;
}

/** Runs one git command in a bare repository with the clean environment. Never throws because git failed: look at the result. */
export async function runGit(call: GitCall): Promise<GitResult> {
  const extra = { ...call.env, ...(call.gitDir ? { GIT_DIR: call.gitDir } : {}) };
  const result = await execa("git", call.args, {
    extendEnv: false,
    env: gitEnvironment({
      extra,
      ...(call.config ? { config: call.config } : {}),
      ...(call.protocol ? { protocol: call.protocol } : {}),
    }),
    cwd: call.gitDir ?? "/",
    ...(call.input ? { input: call.input } : { stdin: "ignore" as const }),
    encoding: "buffer",
    stripFinalNewline: false,
    maxBuffer: { stdout: call.limitBytes ?? 16 * 1024 * 1024, stderr: 65_536 },
    timeout: call.timeoutMs ?? 60_000,
    forceKillAfterDelay: 2_000,
    ...(call.signal ? { cancelSignal: call.signal } : {}),
    reject: false,
  });
  // Arguments too long, a folder that is gone: there was no git to complain.
  const notStarted =
    result.exitCode === undefined && result.signal === undefined && !result.timedOut
      ? `git was not started (${result.code})`
      : "";
  return {
    exitCode: result.exitCode,
    stdout: Buffer.from(result.stdout ?? new Uint8Array()),
    stderr: Buffer.from(result.stderr ?? new Uint8Array()).toString("utf8", 0, 4_096) || notStarted,
    truncated: result.isMaxBuffer,
    timedOut: result.timedOut,
  };
}

/** Runs git and gives its stdout as text without the last newline; throws if it failed. For our own steps, which are to succeed. */
export async function demandGit(call: GitCall): Promise<string> {
  const result = await runGit(call);
  if (result.exitCode === 0) return result.stdout.toString("utf8").replace(/\n$/, "");
  throw new GitFailure(call.args[0] ?? "", result);
}

export class GitFailure extends Error {
  readonly result: GitResult;
  constructor(subcommand: string, result: GitResult) {
    super(`git ${subcommand} ended with ${result.exitCode ?? "a signal"}: ${result.stderr.trim()}`);
    this.result = result;
  }
}
