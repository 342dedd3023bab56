import { join } from "node:path";
import type { Gateway } from "../gateway/client.ts";
import { type GatewayWish, startGateway } from "../gateway/start.ts";
import type { GitHost } from "../git/client.ts";
import { startGitHost } from "../git/start.ts";
import type { Accounts } from "../privilege/accounts.ts";
import { describeHelper, type HelperName } from "../sandbox/helper-checks.ts";
import type { CompleteSettings } from "../settings.ts";

export interface Helpers extends AsyncDisposable {
  git: GitHost;
  gateway: Gateway;
  /** As the checks of a sandbox look at them from outside. */
  described: ReturnType<typeof describeHelper>[];
}

/** Gateway and git host, each a process of its own. Those of an earlier life are adopted, or replaced if they are of another version. */
export async function startHelpers(of: {
  settings: CompleteSettings;
  accounts: Accounts | undefined;
  version: string;
  logger(line: string): void;
  capsSocket: string;
  /** How the model API is reached, where that is not straight. */
  network: Partial<GatewayWish["model"]>;
  /** Before the gateway looks at what lies in its folder. */
  beforeGateway(git: GitHost): Promise<void>;
  /** The gateway had ended and is back: every door has to be opened again. */
  onRevived(): void;
}): Promise<Helpers> {
  const { settings, accounts } = of;
  const { data, model } = settings;
  await using held = new AsyncDisposableStack();
  const common = { accounts, version: of.version, instance: data.instance, logger: of.logger, socketFolder: data.runtimeFolder };
  const host = await startGitHost({ ...common, storeFolder: join(data.folder, "git") });
  held.defer(() => host.stop());
  await of.beforeGateway(host.git);
  const { gateway, daemon } = await startGateway({
    ...common,
    spoolFolder: join(data.folder, "spool"),
    gitBackendSocket: host.backendSocket,
    onRevived: of.onRevived,
    registries: settings.registries,
    tunnelHosts: settings.tunnelHosts,
    apiUrl: settings.github.apiUrl,
    caps: { socketPath: of.capsSocket },
    model: {
      baseUrl: model.baseUrl,
      credential: { kind: model.credential.kind === "api-key" ? "api-key" : "oauth", value: model.credential.value.reveal() },
      ...of.network,
    },
  });
  held.defer(() => daemon.stop());
  const gitDaemon = (name: HelperName) => host.daemons.find((each) => each.name === name);
  const described = [
    describeHelper({ name: "gateway", account: accounts?.["airlock-gateway"], daemon, folder: join(data.folder, "spool") }),
    ...(["git-runs", "git-bases"] as const).map((name) =>
      describeHelper({
        ...{ name, account: accounts?.[name === "git-runs" ? "airlock-git" : "airlock-base"] },
        ...{ daemon: gitDaemon(name), folder: join(data.folder, "git") },
      }),
    ),
  ];
  const kept = held.move();
  return { git: host.git, gateway, described, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
