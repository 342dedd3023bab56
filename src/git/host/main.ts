/** The git host's process. Started twice, under two accounts: "bases" meets only what GitHub sends, "runs" meets what agents push.
 *  Neither has a network; both reach GitHub only through the App's transport. */
import { accessSync, constants } from "node:fs";
import { runDaemon } from "../../privilege/daemon.ts";
import { parseRunId, parseSha, type RunId } from "../../run/identity.ts";
import { type BaseName, familyOf, parseBaseName, parseBranchName, parseBranchRef } from "../names.ts";
import { serveBackend } from "./backend.ts";
import { Bases } from "./bases.ts";
import { createControl, type StreamingVerb } from "./control.ts";
import { createLanes } from "./lanes.ts";
import { sendPack, takePack } from "./pack.ts";
import { RunRepositories } from "./run-repositories.ts";

export type GitHostConfig =
  | { role: "bases"; bases: string }
  | {
      role: "runs";
      runs: string;
      bases: string;
      backendSocket: string;
      maxInputBytes: number;
      maxRepositoryBytes: number;
      exchangeMs: number;
    };

await runDaemon<GitHostConfig>(async (config, log) => {
  const lanes = createLanes();
  if (config.role === "bases") {
    accessSync(config.bases, constants.R_OK | constants.W_OK | constants.X_OK);
    // Not 077: the other host reads the objects as a member of the folder's group, which new folders inherit.
    process.umask(0o027);
    const bases = new Bases(config.bases);
    await bases.sweep();
    const verbs = {
      "find-base": async (input: Record<string, unknown>) => ({ found: await bases.find(parseBranch(input)) }),
      "fetch-base": (input: Record<string, unknown>) => {
        const of = parseBranch(input);
        const transportSocket = demand(parsePath(input.transportSocket), "transportSocket");
        return lanes(bases.family(of), () =>
          bases.fetch({ ...of, transportSocket, timeoutMs: Number(input.timeoutMs ?? 600_000) }),
        );
      },
      "list-bases": async () => ({ bases: await bases.survey() }),
      "use-base": (input: Record<string, unknown>) => {
        const base = demand(parseBaseName(input.base), "base");
        return lanes(familyOf(base), async () => ({ done: await bases.use(base) }));
      },
      "remove-base": (input: Record<string, unknown>) => {
        const seen = parseSeenBase(input);
        return lanes(familyOf(seen.base), async () => ({ done: await bases.remove(seen) }));
      },
      "repack-base": (input: Record<string, unknown>) => {
        const seen = parseSeenBase(input);
        return lanes(familyOf(seen.base), async () => ({ done: await bases.repack(seen) }));
      },
    };
    return {
      handle: createControl(verbs, (repository) => {
        const base = parseBaseName((repository as { base?: unknown } | null)?.base);
        return base && bases.path(base);
      }),
      async close() {},
    };
  }
  accessSync(config.runs, constants.R_OK | constants.W_OK | constants.X_OK);
  accessSync(config.bases, constants.R_OK | constants.X_OK);
  const repositories = new RunRepositories(config);
  await repositories.sweep();
  const backend = await serveBackend({
    ...config,
    socketPath: config.backendSocket,
    folder: config.runs,
    repositories,
    log,
    parallel: 4,
  });
  const verbs = {
    "ensure-run": (input: Record<string, unknown>) => {
      const run = demand(parseRunId(input.run), "run");
      const bases = (input.bases as unknown[]).map((base) => demand(parseBaseName(base), "base"));
      const branches = (input.branches as { name: unknown; sha: unknown }[]).map((branch) => ({
        name: demand(parseBranchName(branch.name), "branch name"),
        sha: demand(parseSha(branch.sha), "branch sha"),
      }));
      return lanes(run, () => repositories.ensure({ run, bases, branches }));
    },
    push: (input: Record<string, unknown>) => {
      const run: RunId = demand(parseRunId(input.run), "run");
      return repositories.push({
        run,
        old: input.old === null ? null : demand(parseSha(input.old), "old"),
        new: demand(parseSha(input.new), "new"),
        ref: demand(parseBranchRef(input.ref), "ref"),
        transportSocket: demand(parsePath(input.transportSocket), "transportSocket"),
        timeoutMs: Number(input.timeoutMs ?? 600_000),
      });
    },
    "remove-run": (input: Record<string, unknown>) => repositories.remove(demand(parseRunId(input.run), "run")),
    "list-runs": async () => ({ runs: await repositories.list() }),
  };
  const streaming: Record<string, StreamingVerb> = {
    pack: (request, response) => sendPack(repositories, request, response),
    unpack: (request, response) => lanes("unpack", () => takePack(repositories, request, response)),
  };
  const findGitDir = (repository: unknown) => {
    const run = parseRunId((repository as { run?: unknown } | null)?.run);
    return run && repositories.path(run);
  };
  return {
    handle: createControl(verbs, findGitDir, streaming),
    async close() {
      backend.closeAllConnections();
      await new Promise((done) => backend.close(done));
    },
  };
});

function parseBranch(input: Record<string, unknown>): { repositoryId: number; branch: string } {
  const repositoryId = Number(input.repositoryId);
  if (!Number.isSafeInteger(repositoryId) || repositoryId <= 0) throw new Error("repositoryId is not a GitHub id");
  return { repositoryId, branch: demand(parseBranchName(input.branch), "branch") };
}

function parseSeenBase(input: Record<string, unknown>): { base: BaseName; usedAtMs: number } {
  const usedAtMs = Number.isSafeInteger(input.usedAtMs) ? Number(input.usedAtMs) : undefined;
  return { base: demand(parseBaseName(input.base), "base"), usedAtMs: demand(usedAtMs, "usedAtMs") };
}

function parsePath(value: unknown): string | undefined {
  return typeof value === "string" && value.startsWith("/") && !value.includes("\0") ? value : undefined;
}

function demand<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not what it should be`);
  return value;
}
