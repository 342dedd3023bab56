import { dirname, join } from "node:path";
import type { Accounts } from "../privilege/accounts.ts";
import { ensureFolder } from "../privilege/folder.ts";
import { type Daemon, startDaemon } from "../privilege/start.ts";
import { connectGitHost, type GitHost } from "./client.ts";
import type { GitHostConfig } from "./host/main.ts";

export interface GitHostWish {
  accounts: Accounts;
  /** Where `runs` and `bases` lie; it and all its parents must be enterable (x) for others. */
  storeFolder: string;
  /** Short: the sockets' folders are made in it, and it too must be enterable for others. */
  socketFolder: string;
  version: string;
  instance: string;
  /** Largest pack of one push. Default 512 MiB. */
  maxInputBytes?: number;
  /** Largest run repository, beyond what it shares with its base. Default 2 GiB. */
  maxRepositoryBytes?: number;
  /** Longest exchange with an agent's git. Default 600,000. */
  exchangeMs?: number;
  logger?: (line: string) => void;
}

export interface RunningGitHost extends AsyncDisposable {
  git: GitHost;
  daemons: Daemon[];
  /** For the gateway. */
  backendSocket: string;
  stop(): Promise<void>;
}

/** Makes both stores with their owners, and starts or adopts both processes. */
export async function startGitHost(wish: GitHostWish): Promise<RunningGitHost> {
  const git = wish.accounts?.["airlock-git"];
  const base = wish.accounts?.["airlock-base"];
  const gateway = wish.accounts?.["airlock-gateway"];
  const runs = join(wish.storeFolder, "runs");
  const bases = join(wish.storeFolder, "bases");
  const backendSocket = join(wish.socketFolder, "git-backend", "git.sock");
  await ensureFolder({ path: wish.storeFolder, mode: 0o711 });
  await ensureFolder({ path: wish.socketFolder, mode: 0o711 });
  await ensureFolder({ path: runs, mode: 0o700, uid: git?.uid, gid: git?.gid });
  // setgid: what the base process makes belongs to the git host's group, which may read it.
  await ensureFolder({ path: bases, mode: 0o2750, uid: base?.uid, gid: git?.gid });
  await ensureFolder({ path: dirname(backendSocket), mode: 0o2710, uid: git?.uid, gid: gateway?.gid });
  const common = {
    script: new URL("./host/main.ts", import.meta.url),
    network: "none" as const,
    version: wish.version,
    instance: wish.instance,
  };
  const logger = wish.logger ? { logger: wish.logger } : {};
  const basesConfig: GitHostConfig = { role: "bases", bases };
  const runsConfig: GitHostConfig = {
    role: "runs",
    runs,
    bases,
    backendSocket,
    maxInputBytes: wish.maxInputBytes ?? 512 * 1024 * 1024,
    maxRepositoryBytes: wish.maxRepositoryBytes ?? 2 * 1024 * 1024 * 1024,
    exchangeMs: wish.exchangeMs ?? 600_000,
  };
  const sockets = {
    runs: join(wish.socketFolder, "git-runs", "control.sock"),
    bases: join(wish.socketFolder, "git-bases", "control.sock"),
  };
  const daemons = await Promise.all([
    startDaemon({ ...common, ...logger, name: "git-bases", account: base, config: basesConfig, controlSocket: sockets.bases }),
    startDaemon({ ...common, ...logger, name: "git-runs", account: git, config: runsConfig, controlSocket: sockets.runs }),
  ]);
  return {
    git: connectGitHost(sockets),
    daemons,
    backendSocket,
    async stop() {
      await Promise.all(daemons.map((daemon) => daemon.stop()));
    },
    async [Symbol.asyncDispose]() {
      for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
    },
  };
}
