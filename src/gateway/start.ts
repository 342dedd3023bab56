import { join } from "node:path";
import type { Accounts } from "../privilege/accounts.ts";
import { ensureFolder } from "../privilege/folder.ts";
import { type Daemon, startDaemon } from "../privilege/start.ts";
import { connectGateway, type Gateway } from "./client.ts";
import type { GatewayConfig } from "./main.ts";
import type { ModelSettings } from "./model/upstream.ts";
import type { RegistrySettings } from "./registry/settings.ts";

export interface GatewayWish {
  accounts: Accounts;
  /** Short, and enterable (x) for others with all its parents. */
  socketFolder: string;
  /** Its own folder for rows that the App does not have yet; made here. */
  spoolFolder: string;
  gitBackendSocket: string;
  model: ModelSettings;
  /** GitHub's REST API; by default no run reads it. */
  apiUrl?: string;
  registries?: Partial<Pick<RegistrySettings, "upstreams" | "newPackages">>;
  /** Hosts that runs may open tunnels to, in canonical form; by default none. */
  tunnelHosts?: readonly string[];
  /** Where the App answers for money that is counted over all runs; `patienceMs`: how long a call is held while it does not. */
  caps: { socketPath: string; patienceMs?: number };
  version: string;
  instance: string;
  logger?: (line: string) => void;
  /** Called when it had died and answers again: it has no door open then. */
  onRevived?: () => void;
}

/** Starts the gateway, or adopts the one that runs with the same settings: open doors stay open. */
export async function startGateway(wish: GatewayWish): Promise<{ gateway: Gateway; daemon: Daemon }> {
  const account = wish.accounts?.["airlock-gateway"];
  await ensureFolder({ path: wish.socketFolder, mode: 0o711 });
  await ensureFolder({ path: wish.spoolFolder, mode: 0o700, uid: account?.uid, gid: account?.gid });
  const cacheFolder = join(wish.spoolFolder, "..", "packages");
  await ensureFolder({ path: cacheFolder, mode: 0o700, uid: account?.uid, gid: account?.gid });
  const { upstreams = {}, newPackages = 0 } = wish.registries ?? {};
  const config: GatewayConfig = {
    spoolFolder: wish.spoolFolder,
    gitBackendSocket: wish.gitBackendSocket,
    model: wish.model,
    apiUrl: wish.apiUrl ?? "http://127.0.0.1:9",
    registries: { upstreams, newPackages, cacheFolder },
    tunnelHosts: wish.tunnelHosts ?? [],
    caps: { patienceMs: 30_000, ...wish.caps },
  };
  const daemon = await startDaemon({
    name: "gateway",
    account,
    script: new URL("./main.ts", import.meta.url),
    network: "host",
    config,
    version: wish.version,
    instance: wish.instance,
    controlSocket: join(wish.socketFolder, "gateway", "control.sock"),
    ...(wish.logger ? { logger: wish.logger } : {}),
    ...(wish.onRevived ? { onRevived: wish.onRevived } : {}),
  });
  return { gateway: connectGateway(daemon.controlSocket), daemon };
}
