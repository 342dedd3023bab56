/** Gateway and git host as real processes (with real accounts where the tests run as root), on folders of the test's own. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gateway } from "../../src/gateway/client.ts";
import { type GatewayWish, startGateway } from "../../src/gateway/start.ts";
import type { GitHost } from "../../src/git/client.ts";
import { startGitHost } from "../../src/git/start.ts";
import { openTransport, type Transport, type TransportWish } from "../../src/git/transport.ts";
import { type Accounts, ensureAccounts } from "../../src/privilege/accounts.ts";
import { ensureFolder } from "../../src/privilege/folder.ts";
import type { Daemon } from "../../src/privilege/start.ts";
import type { EvidenceRow } from "../../src/run/evidence.ts";
import { printRunId, type RunId } from "../../src/run/identity.ts";
import { type GitUpstream, openGitUpstream } from "./git-upstream.ts";
import { type ModelUpstreamStandIn, openModelStandIn } from "./model-upstream.ts";

export interface House extends AsyncDisposable {
  folder: string;
  accounts: Accounts;
  git: GitHost;
  gateway: Gateway;
  daemons: { gateway: Daemon; git: Daemon[] };
  upstream: GitUpstream;
  model: ModelUpstreamStandIn;
  modelKey: string;
  /** Where the gateway asks for money that is counted over all runs. Nobody listens there, if the test does not. */
  capsSocket: string;
  /** Opens a door; returns its socket. `gid`: of the run. */
  openDoor(run: RunId, gid?: number): Promise<string>;
  openTransport(wish: { of: "bases" | "runs"; allow: TransportWish["allow"] }): Promise<Transport>;
  /** Closes the door and gives all its rows. */
  closeAndRead(run: RunId): Promise<EvidenceRow[]>;
  /** A gateway with the same settings, or another model key, in the place of one that was killed or whose App has ended. */
  restartGateway(change?: { modelKey: string }): Promise<void>;
}

export const mintTestRun = (): RunId => printRunId(randomBytes(10));

export async function openHouse(
  wish: Pick<GatewayWish, "registries" | "apiUrl" | "tunnelHosts"> & { capsPatienceMs?: number } = {},
): Promise<House> {
  const { capsPatienceMs: patienceMs, ...options } = wish;
  const folder = await mkdtemp(join(tmpdir(), "alk-"));
  await ensureFolder({ path: folder, mode: 0o711 });
  const accounts = await ensureAccounts();
  const upstream = await openGitUpstream(join(folder, "upstream"));
  const model = await openModelStandIn();
  const modelKey = `sk-ant-test-${randomBytes(16).toString("hex")}`;
  const common = { accounts, socketFolder: join(folder, "s"), version: "test", instance: folder };
  const host = await startGitHost({
    ...common,
    storeFolder: join(folder, "store"),
    maxInputBytes: 4 * 1024 * 1024,
    maxRepositoryBytes: 5 * 1024 * 1024,
  });
  const capsSocket = join(folder, "s", "caps.sock");
  const gatewayWish = {
    ...common,
    spoolFolder: join(folder, "spool"),
    gitBackendSocket: host.backendSocket,
    ...options,
    caps: { socketPath: capsSocket, ...(patienceMs !== undefined && { patienceMs }) },
    model: { baseUrl: model.url, credential: { kind: "api-key" as const, value: modelKey } },
  };
  const started = await startGateway(gatewayWish);
  const daemons = { gateway: started.daemon, git: host.daemons };
  await ensureFolder({ path: join(folder, "t"), mode: 0o711 });
  await ensureFolder({ path: join(folder, "d"), mode: 0o711 });
  let transports = 0;
  return {
    folder,
    accounts,
    git: host.git,
    gateway: started.gateway,
    daemons,
    upstream,
    model,
    modelKey,
    capsSocket,
    async openDoor(run, gid) {
      const doorFolder = join(folder, "d", run);
      const owner = accounts?.["airlock-gateway"];
      await ensureFolder({ path: doorFolder, mode: 0o2710, uid: owner?.uid, gid: gid ?? owner?.gid });
      return (await started.gateway.openDoor({ run, folder: doorFolder })).socketPath;
    },
    openTransport: ({ of, allow }) =>
      openTransport({
        socketPath: join(folder, "t", `${transports++}.sock`),
        owner: accounts?.[of === "bases" ? "airlock-base" : "airlock-git"],
        upstream: upstream.url,
        repositoryPath: "owner/name.git",
        token: () => upstream.token,
        allow,
      }),
    async closeAndRead(run) {
      await started.gateway.closeDoor(run, 2_000);
      const rows: EvidenceRow[] = [];
      for await (const row of started.gateway.record(run, 0, AbortSignal.timeout(5_000))) rows.push(row);
      return rows;
    },
    async restartGateway({ modelKey: value } = { modelKey }) {
      const credential = { ...gatewayWish.model.credential, value };
      daemons.gateway = (await startGateway({ ...gatewayWish, model: { ...gatewayWish.model, credential } })).daemon;
    },
    async [Symbol.asyncDispose]() {
      await daemons.gateway.stop();
      await host.stop();
      await upstream[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
