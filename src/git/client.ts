import { Fault } from "../fault.ts";
import { type ControlAnswer, callControl } from "../privilege/control-client.ts";
import type { RunId, Sha } from "../run/identity.ts";
import type { BaseName } from "./names.ts";

export type Repository = { run: RunId } | { base: BaseName };

export interface GitOptions {
  input?: Uint8Array;
  /** Only GIT_AUTHOR_* and GIT_COMMITTER_* (NAME, EMAIL, DATE). */
  env?: Record<string, string>;
  /** Longest stdout. Default 16 MiB. More than that throws Fault "git.too-large", unless `truncate`. */
  limitBytes?: number;
  truncate?: boolean;
  /** Default 60,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface GitOutput {
  exitCode: number;
  stdout: Buffer;
  /** The first 4 kB. */
  stderr: string;
  /** Only ever true where `truncate` was asked for. */
  truncated: boolean;
}

export type FetchedBase =
  | { at: "fetched"; base: BaseName; tip: Sha; rebuilt: boolean }
  | { at: "branch-missing" }
  | { at: "failed"; stderr: string };

/** What git itself said of a push. What GitHub said is in the transport's report, which no git process can invent. */
export interface PushOutput {
  exitCode: number | undefined;
  stderr: string;
  timedOut: boolean;
}

/** The App's side of the two git host processes. Every method throws Fault "daemon.away" where the process is gone. */
export interface GitHost {
  /** The newest base of a branch, without looking at GitHub. */
  findBase(of: { repositoryId: number; branch: string }): Promise<{ base: BaseName; tip: Sha } | undefined>;
  /** Brings it up to date through an open fetch transport; the first call makes it. */
  fetchBase(of: {
    repositoryId: number;
    branch: string;
    transportSocket: string;
    timeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<FetchedBase>;
  listBases(): Promise<BaseName[]>;
  /** Never one that a run repository in `listRuns` still leans on. */
  removeBase(base: BaseName): Promise<void>;
  /** Idempotent. `branches`: the first is HEAD; their commits must lie in `bases`. */
  ensureRunRepository(wish: {
    run: RunId;
    bases: BaseName[];
    branches: { name: string; sha: Sha }[];
  }): Promise<{ made: boolean }>;
  /** Runs one of the allowed plumbing commands. A git that failed is a result, not an error. Use `--end-of-options` before names. */
  git(repository: Repository, args: string[], options?: GitOptions): Promise<GitOutput>;
  /** Pushes one commit to one `refs/heads/…` through an open push transport. */
  push(wish: {
    run: RunId;
    old: Sha | null;
    new: Sha;
    ref: string;
    transportSocket: string;
    timeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<PushOutput>;
  removeRun(run: RunId): Promise<void>;
  listRuns(): Promise<{ run: RunId; bases: BaseName[] }[]>;
}

export function connectGitHost(sockets: { runs: string; bases: string }): GitHost {
  const ask = async <T>(call: {
    socketPath: string;
    verb: string;
    input: unknown;
    signal?: AbortSignal | undefined;
  }): Promise<T> => {
    const body = JSON.stringify(call.input);
    const answer = await callControl({
      socketPath: call.socketPath,
      method: "POST",
      path: `/${call.verb}`,
      body,
      idleMs: 0,
      signal: call.signal,
    });
    return JSON.parse(demandOk(answer, call.verb).body.toString("utf8")) as T;
  };
  return {
    findBase: async (of) =>
      (await ask<{ base: BaseName; tip: Sha } | null>({ socketPath: sockets.bases, verb: "find-base", input: of })) ?? undefined,
    fetchBase: ({ signal, ...input }) => ask({ socketPath: sockets.bases, verb: "fetch-base", input, signal }),
    listBases: async () => (await ask<{ bases: BaseName[] }>({ socketPath: sockets.bases, verb: "list-bases", input: {} })).bases,
    removeBase: async (base) => void (await ask({ socketPath: sockets.bases, verb: "remove-base", input: { base } })),
    ensureRunRepository: (input) => ask({ socketPath: sockets.runs, verb: "ensure-run", input }),
    push: ({ signal, ...input }) => ask({ socketPath: sockets.runs, verb: "push", input, signal }),
    removeRun: async (run) => void (await ask({ socketPath: sockets.runs, verb: "remove-run", input: { run } })),
    listRuns: async () =>
      (await ask<{ runs: { run: RunId; bases: BaseName[] }[] }>({ socketPath: sockets.runs, verb: "list-runs", input: {} })).runs,
    git: (repository, args, options = {}) =>
      git("run" in repository ? sockets.runs : sockets.bases, { repository, args, options }),
  };
}

async function git(
  socketPath: string,
  call: { repository: Repository; args: string[]; options: GitOptions },
): Promise<GitOutput> {
  const { input, env, limitBytes, timeoutMs, truncate, signal } = call.options;
  const order = JSON.stringify({
    repository: call.repository,
    args: call.args,
    env,
    limitBytes,
    timeoutMs,
    hasInput: input !== undefined,
  });
  const body = Buffer.concat([Buffer.from(`${order}\n`), input ?? new Uint8Array()]);
  const longest = (limitBytes ?? 16 * 1024 * 1024) + 65_536;
  const answer = demandOk(
    await callControl({ socketPath, method: "POST", path: "/git", body, idleMs: 0, limitBytes: longest, signal }),
    "git",
  );
  const told = JSON.parse(Buffer.from(String(answer.headers["airlock-git"]), "base64url").toString("utf8")) as {
    exitCode: number | null;
    stderr: string;
    truncated: boolean;
    timedOut: boolean;
  };
  if (told.timedOut)
    throw new Fault("git.timeout", `git ${call.args[0]} took longer than allowed`, { remedy: "Look at the size of the change" });
  if (told.truncated && !truncate) {
    throw new Fault("git.too-large", `git ${call.args[0]} gave more than ${limitBytes ?? "16 MiB"} bytes`, {
      remedy: "Ask for a smaller part",
    });
  }
  return { exitCode: told.exitCode ?? 137, stdout: answer.body, stderr: told.stderr, truncated: told.truncated };
}

function demandOk(answer: ControlAnswer, verb: string): ControlAnswer {
  if (answer.status === 200) return answer;
  let told: { code?: string; message?: string } = {};
  try {
    told = JSON.parse(answer.body.toString("utf8"));
  } catch {
    // Not ours, then: the status says what there is to say.
  }
  throw new Fault(
    told.code === "control.failed" ? "git.failed" : (told.code ?? "git.failed"),
    `git host, ${verb}: ${told.message ?? answer.status}`,
    {
      remedy: "Read the git host's log",
    },
  );
}
