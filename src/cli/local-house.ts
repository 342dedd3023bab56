import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type LocalGitHub, startLocalGitHub } from "../local/github/start.ts";
import { type LocalInternet, startLocalInternet } from "../local/internet/start.ts";
import { type LocalModel, startLocalModel } from "../local/model/server.ts";
import { ensureFolder } from "../privilege/folder.ts";
import { type CompleteSettings, readSettings, requireComplete } from "../settings.ts";
import type { Machine } from "../setup/machine.ts";
import { type AppWish, type RunningApp, startApp } from "../wire.ts";
import { housePrefix, internetPrefix, sweepDeserted } from "./deserted.ts";
import { openTemporaryFolder } from "./temporary.ts";
import { version } from "./version.ts";

export interface LocalHouse extends AsyncDisposable {
  app: RunningApp;
  /** Ends the App, lets `whileDown` happen, and starts it again on the same data, while GitHub and the model stay; with other settings, if `change` says so. `app` is the new one from then on. */
  restart(whileDown?: () => Promise<void>, change?: (settings: CompleteSettings) => CompleteSettings): Promise<void>;
  github: LocalGitHub;
  model: LocalModel;
  /** What firewalled sandboxes are connected to. */
  internet: LocalInternet | undefined;
  /** What the App was told, as `dev` prints it. */
  webhookSecret: string;
  webhookPath: string;
  dataFolder: string;
  /** What is paid for: a real model's name, or undefined for the local one. */
  paidModel: string | undefined;
}

export interface LocalHouseWish {
  machine: Machine;
  /** Kept, if it is named; otherwise one of its own, removed at the end. */
  dataFolder?: string | undefined;
  /** Settings as the environment gives them; only the limits, logs and a real model key are taken from it. */
  env: Readonly<Record<string, string | undefined>>;
  /** Whether a key in `env` is used. Tests never see a real one. */
  mayPay: boolean;
  /** How sandboxes meet the network; sealed by default. Firewalled, the local GitHub stands at a documentation address. */
  mode?: CompleteSettings["mode"];
  /** Beats the limits in `env`, and may be finer: a deadline of seconds is a fraction of a minute. */
  limits?: Partial<CompleteSettings["limits"]>;
  publish?: Partial<CompleteSettings["publish"]>;
  poll?: CompleteSettings["poll"];
  /** A PostgreSQL server for the rows. Never the operator's own: what `env` says of it is not taken. */
  databaseUrl?: string | undefined;
  logTo?: NodeJS.WritableStream;
  /** Disks of which the test says how full they are, and their bound. By default there is none: how full this machine is has nothing to do
   *  with what is shown here. */
  disks?: { boundPercent: number; observe: NonNullable<AppWish["observeDisks"]> };
  /** Makes the local GitHub ready for quick answers at its start rather than at each first call: where times are shown. */
  warm?: boolean;
}

/** The whole App with a local GitHub and a local model, by the same settings and the same wiring as for the real ones. */
export async function startLocalHouse(wish: LocalHouseWish): Promise<LocalHouse> {
  await using held = new AsyncDisposableStack();
  await sweepDeserted(wish.machine.engine);
  const dataFolder = wish.dataFolder ?? held.use(openTemporaryFolder(housePrefix)).path;
  const githubFolder = join(dataFolder, "local-github");
  await ensureFolder({ path: dataFolder, mode: 0o711 });
  await ensureFolder({ path: githubFolder, mode: 0o700 });
  const webhookSecret = randomBytes(24).toString("hex");
  const github = held.use(await startLocalGitHub({ folder: githubFolder, app: { webhookSecret }, warm: wish.warm ?? false }));
  const model = held.adopt(await startLocalModel({ key: `local-${randomBytes(16).toString("hex")}` }), (it) => it.close());
  const worldOf = async () =>
    held.use(
      await startLocalInternet({
        githubPort: Number(new URL(github.url).port),
        folder: held.use(openTemporaryFolder(internetPrefix)).path,
      }),
    );
  const world = wish.mode === "firewalled" ? await worldOf() : undefined;
  const pays = wish.mayPay && Boolean(wish.env.ANTHROPIC_API_KEY || wish.env.CLAUDE_CODE_OAUTH_TOKEN);
  const { settings } = readSettings({
    env: localEnvironment(wish, { github, model, webhookSecret, dataFolder, pays }),
    cwd: dataFolder,
  });
  const complete = requireComplete(settings);
  let appWish: AppWish = {
    settings: {
      ...complete,
      mode: wish.mode ?? "sealed",
      limits: { ...complete.limits, ...wish.limits },
      publish: { ...complete.publish, ...wish.publish },
      poll: wish.poll ?? complete.poll,
      ...(wish.disks && { disk: { ...complete.disk, boundPercent: wish.disks.boundPercent } }),
      web: { ...complete.web, port: 0, publicUrl: "http://127.0.0.1:0" },
    },
    machine: wish.machine,
    version,
    world,
    observeDisks: wish.disks?.observe,
    ...(wish.logTo && { logTo: wish.logTo }),
  };
  const { webhookPath } = complete.github;
  const start = async (): Promise<RunningApp> => {
    const started = await startApp(appWish);
    // Port 1: nobody listens. GitHub logs what it could not deliver.
    github.setWebhook(`http://127.0.0.1:${wish.poll?.only ? 1 : started.port}${webhookPath}`);
    return started;
  };
  let app = await start();
  held.defer(() => app[Symbol.asyncDispose]());
  await github.settled();
  const kept = held.move();
  return {
    get app() {
      return app;
    },
    async restart(whileDown = async () => {}, change = (settings) => settings) {
      await app[Symbol.asyncDispose]();
      await whileDown();
      appWish = { ...appWish, settings: change(appWish.settings) };
      app = await start();
    },
    ...{ github, model, internet: world, webhookSecret, webhookPath, dataFolder },
    paidModel: pays ? (complete.model.name ?? "claude-sonnet-5") : undefined,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const taken = [
  "AIRLOCK_CONCURRENCY",
  "AIRLOCK_DEADLINE_MINUTES",
  "AIRLOCK_MEMORY",
  "AIRLOCK_CPUS",
  "AIRLOCK_PIDS",
  "AIRLOCK_DISK",
  "AIRLOCK_INODES",
  "AIRLOCK_OUTPUT",
  "AIRLOCK_STALL_MINUTES",
  "AIRLOCK_LOOP_CALLS",
  "AIRLOCK_ATTEMPTS",
  "AIRLOCK_WAIT_HOURS",
  "AIRLOCK_TOTAL_CONCURRENCY",
  "AIRLOCK_REPOSITORY_CONCURRENCY",
  "AIRLOCK_PRIORITIES",
  "AIRLOCK_LABELS",
  "AIRLOCK_RUNTIME",
  "AIRLOCK_MODEL",
  "AIRLOCK_SMALL_MODEL",
  "AIRLOCK_RUN_BUDGET_USD",
  "AIRLOCK_RUN_BUDGET_TOKENS",
  "AIRLOCK_BUDGET_USD",
  "AIRLOCK_REPOSITORY_BUDGET_USD",
  "AIRLOCK_ACTOR_BUDGET_USD",
  "AIRLOCK_MODEL_PARALLEL",
  "AIRLOCK_MODEL_RATE",
  "AIRLOCK_CI",
  "AIRLOCK_WORKFLOWS",
  "AIRLOCK_PATHS",
  "AIRLOCK_HOLD_DAYS",
  "AIRLOCK_RELEASE_BY_OTHERS",
  "AIRLOCK_CONNECT",
  "AIRLOCK_REGISTRY_NPM",
  "AIRLOCK_REGISTRY_PYPI",
  "AIRLOCK_REGISTRY_CRATES",
  "AIRLOCK_REGISTRY_GO",
  "AIRLOCK_NEW_PACKAGES",
  "LOG_LEVEL",
  "LOG_FORMAT",
  "XDG_RUNTIME_DIR",
];
const paid = [
  "ANTHROPIC_API_KEY",
  "CLAUDE_CODE_OAUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
  "HTTPS_PROXY",
  "NO_PROXY",
  "NODE_EXTRA_CA_CERTS",
];

function localEnvironment(
  wish: LocalHouseWish,
  local: { github: LocalGitHub; model: LocalModel; webhookSecret: string; dataFolder: string; pays: boolean },
): Record<string, string | undefined> {
  const { github, model } = local;
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, wish.env[name]]));
  return {
    ...pick(taken),
    ...(local.pays ? pick(paid) : { ANTHROPIC_API_KEY: model.key, ANTHROPIC_BASE_URL: model.url }),
    APP_ID: String(github.app.id),
    PRIVATE_KEY: github.app.privateKey,
    WEBHOOK_SECRET: local.webhookSecret,
    GHE_HOST: github.host,
    GHE_PROTOCOL: "http",
    HOST: "127.0.0.1",
    AIRLOCK_DATA: local.dataFolder,
    AIRLOCK_ACCOUNTS: "acme",
    AIRLOCK_DISK_BOUND: wish.env.AIRLOCK_DISK_BOUND ?? "none",
    DATABASE_URL: wish.databaseUrl,
  };
}

/** Ends what still works, so that a command that ends leaves no sandbox and no live token behind. */
export async function endRuns(house: LocalHouse): Promise<void> {
  for (const run of await house.app.reader.listRuns(1_000))
    if (run.state.at !== "ended") await house.app.filer.cancel(run.id, { kind: "operator", name: "the end of this command" });
  await house.app.settled(AbortSignal.timeout(60_000));
}
