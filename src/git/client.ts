import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Fault } from "../fault.ts";
import { type ControlAnswer, callControl, openControl, sendControl } from "../privilege/control-client.ts";
import type { RunId, Sha } from "../run/identity.ts";
import type { Base, BaseState } from "./host/bases.ts";
import type { RepositoryShape } from "./host/pack.ts";
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
  findBase(of: { repositoryId: number; branch: string }): Promise<Base | undefined>;
  /** Brings it up to date through an open fetch transport; the first call makes it. */
  fetchBase(of: {
    repositoryId: number;
    branch: string;
    transportSocket: string;
    timeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<FetchedBase>;
  listBases(): Promise<BaseState[]>;
  /** Never one that a run repository in `listRuns`, asked for after `listBases`, leans on. False: it was used since, and stays. */
  removeBase(seen: Pick<BaseState, "base" | "usedAtMs">): Promise<boolean>;
  /** The same holds: what no branch reaches is dropped. */
  repackBase(seen: Pick<BaseState, "base" | "usedAtMs">): Promise<boolean>;
  /** Idempotent. `branches`: the first is HEAD; their commits must lie in `bases`. Throws where one of these was removed meanwhile. */
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
  /** All objects that these commits reach in the run's repository, as one pack. Ends with an error where it is not whole. */
  readPack(run: RunId, wants: readonly Sha[]): Promise<Readable>;
  /** Makes a run's repository out of such a pack, whole or not at all; leaves one that is there as it is. */
  restoreRun(shape: RepositoryShape & { run: RunId }, pack: Readable): Promise<{ made: boolean }>;
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
  const askBase = async (verb: string, input: { base: BaseName; usedAtMs?: number }) =>
    (await ask<{ done: boolean }>({ socketPath: sockets.bases, verb, input })).done;
  return {
    findBase: async (of) => (await ask<{ found?: Base }>({ socketPath: sockets.bases, verb: "find-base", input: of })).found,
    fetchBase: ({ signal, ...input }) => ask({ socketPath: sockets.bases, verb: "fetch-base", input, signal }),
    listBases: async () =>
      (await ask<{ bases: BaseState[] }>({ socketPath: sockets.bases, verb: "list-bases", input: {} })).bases,
    removeBase: (seen) => askBase("remove-base", seen),
    repackBase: (seen) => askBase("repack-base", seen),
    async ensureRunRepository(wish) {
      const { made } = await ask<{ made: boolean }>({ socketPath: sockets.runs, verb: "ensure-run", input: wish });
      // Noted when the repository is there: whoever removes bases has either seen it, or finds that the base was used since.
      for (const base of wish.bases) {
        if (await askBase("use-base", { base })) continue;
        if (made) await ask({ socketPath: sockets.runs, verb: "remove-run", input: { run: wish.run } });
        throw new Error(`${base} was removed while a repository was made that leans on it`);
      }
      return { made };
    },
    push: ({ signal, ...input }) => ask({ socketPath: sockets.runs, verb: "push", input, signal }),
    readPack: (run, wants) => readPack(sockets.runs, { run, wants }),
    restoreRun: (shape, pack) => restoreRun(sockets.runs, shape, pack),
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

async function readPack(socketPath: string, order: { run: RunId; wants: readonly Sha[] }): Promise<Readable> {
  const response = await openControl({ socketPath, method: "POST", path: "/pack", body: JSON.stringify(order), idleMs: 0 });
  if (response.statusCode === 200) return response;
  throw refusalOf({ status: response.statusCode ?? 0, body: await buffer(response) }, "pack");
}

async function restoreRun(
  socketPath: string,
  shape: RepositoryShape & { run: RunId },
  pack: Readable,
): Promise<{ made: boolean }> {
  const head = JSON.stringify(shape);
  const answer = await sendControl({ socketPath, path: "/unpack", head, rest: pack });
  return JSON.parse(demandOk(answer, "unpack").body.toString("utf8")) as { made: boolean };
}

function demandOk(answer: ControlAnswer, verb: string): ControlAnswer {
  if (answer.status === 200) return answer;
  throw refusalOf(answer, verb);
}

function refusalOf(answer: Pick<ControlAnswer, "status" | "body">, verb: string): Fault {
  let told: { code?: string; message?: string } = {};
  try {
    told = JSON.parse(answer.body.toString("utf8"));
  } catch {
    // Not ours, then: the status says what there is to say.
  }
  return new Fault(
    told.code === "control.failed" ? "git.failed" : (told.code ?? "git.failed"),
    `git host, ${verb}: ${told.message ?? answer.status}`,
    {
      remedy: "Read the git host's log",
    },
  );
}
