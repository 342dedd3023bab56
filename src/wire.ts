import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { Probot } from "probot";
import { createWatchers } from "./agent/watch.ts";
import { createDeliveryLog } from "./delivery/delivery-log.ts";
import { handleDelivery } from "./delivery/handle.ts";
import { type Recovery, startRecovery } from "./delivery/recovery.ts";
import { serve } from "./delivery/serve.ts";
import { serveLocal } from "./delivery/serve-local.ts";
import type { ModelPolicy } from "./gateway/model/policy.ts";
import { startGateway } from "./gateway/start.ts";
import { startGitHost } from "./git/start.ts";
import { createGitHubApp } from "./github/app.ts";
import { createGrants } from "./github/grant.ts";
import { createLogger } from "./log.ts";
import { createFiler } from "./pages/file.ts";
import { createLocal } from "./pages/local.ts";
import { createPages } from "./pages/pages.ts";
import { createReader } from "./pages/read.ts";
import type { Filer, Reader } from "./pages/view.ts";
import { ensureAccounts } from "./privilege/accounts.ts";
import { ensureFolder } from "./privilege/folder.ts";
import type { House } from "./reconcile/house.ts";
import { observeRun } from "./reconcile/observe.ts";
import { sweepOrphans } from "./reconcile/orphans.ts";
import { createPerform } from "./reconcile/perform.ts";
import { createRecall } from "./reconcile/recall.ts";
import { startWorker } from "./reconcile/worker.ts";
import { createTeller } from "./report/teller.ts";
import { printRunId } from "./run/identity.ts";
import type { RunLimits } from "./run/limits.ts";
import { describeHelper, type HelperName } from "./sandbox/helper-checks.ts";
import { createReach, type OtherWorld } from "./sandbox/reach.ts";
import { sandboxLimitsOf } from "./sandbox/ready.ts";
import { createRedactor } from "./secret/redact.ts";
import { openSeal } from "./secret/seal.ts";
import { appSocket } from "./settings/place.ts";
import type { CompleteSettings } from "./settings.ts";
import type { Machine } from "./setup/machine.ts";
import { applyNetwork } from "./setup/network.ts";
import { lockDatabase } from "./store/database-lock.ts";
import { openStore } from "./store/open.ts";
import { addDelivery } from "./store/queries/deliveries.ts";
import { releaseEarlierLives } from "./store/queries/lease.ts";
import { activeRuns } from "./store/queries/runs.ts";
import type { Schema } from "./store/schema.ts";
import { createTrials } from "./trial/trial.ts";
import { loadTriggers } from "./trigger/app.ts";

export interface RunningApp extends AsyncDisposable {
  port: number;
  /** The address for people, with the port that was really taken. */
  url: string;
  log: Logger;
  db: Kysely<Schema>;
  reader: Reader;
  filer: Filer;
  recovery: Recovery;
  /** Resolves when no run is open any more. For commands that end by themselves. */
  settled(signal: AbortSignal): Promise<void>;
}

export interface AppWish {
  settings: CompleteSettings;
  machine: Machine;
  version: string;
  /** What firewalled sandboxes find instead of the internet. */
  world?: OtherWorld | undefined;
  /** Where log lines go; stderr by default. */
  logTo?: NodeJS.WritableStream;
}

const defaultModel = "claude-sonnet-5";
const defaultSmallModel = "claude-haiku-5-5";

/** Builds every part once and hands it down. Disposing takes all apart in the reverse order; runs go on at the next start. */
export async function startApp({ settings, machine, version, logTo, world }: AppWish): Promise<RunningApp> {
  await using held = new AsyncDisposableStack();
  const { data, app: appSettings, model } = settings;
  const redactor = createRedactor({
    values: [
      ...[appSettings.privateKey.reveal(), appSettings.webhookSecret.reveal(), model.credential.value.reveal()],
      ...[settings.database?.url, settings.database?.password].flatMap((secret) => secret?.reveal() ?? []),
    ],
  });
  const redact = (text: string) => redactor.redact(text);
  const log = createLogger({ ...settings.log, redactor, ...(logTo && { destination: logTo }) });
  const network = applyNetwork(settings);
  const nowMs = () => Date.now();

  await ensureFolder({ path: data.folder, mode: 0o711 });
  await ensureFolder({ path: data.runtimeFolder, mode: 0o711 });
  const runsFolder = join(data.runtimeFolder, "runs");
  const transportFolder = join(data.runtimeFolder, "t");
  await ensureFolder({ path: runsFolder, mode: 0o711 });
  await mkdir(join(data.folder, "keys"), { recursive: true, mode: 0o700 });

  let openRuns = true;
  held.defer(async () => {
    // A door that a living sandbox has mounted is never made anew: its folder stays until the run has ended.
    if (!openRuns) await rm(data.runtimeFolder, { recursive: true, force: true });
  });
  const onQueueError = (error: unknown) => log.error({ err: error }, "queue failed");
  const store = held.use(await openStore({ folder: data.folder, databaseUrl: settings.database?.url, onQueueError }));
  if (settings.database) held.use(await lockDatabase({ url: settings.database.url, onError: onQueueError }));
  const { db, queue, changes } = store;
  // With the data folder in hand: whoever listened at these sockets was an earlier life, and is dead.
  await rm(transportFolder, { recursive: true, force: true });
  await ensureFolder({ path: transportFolder, mode: 0o711 });
  held.defer(async () => {
    openRuns = (await activeRuns(db)).length > 0;
  });
  const app = createGitHubApp({
    redact,
    appId: appSettings.id,
    privateKey: appSettings.privateKey,
    apiUrl: settings.github.apiUrl,
    webHost: settings.github.host,
  });
  const identity = await app.identity();

  const accounts = await ensureAccounts();
  const daemonLog = (line: string) => log.debug({ line: redact(line) }, "helper process");
  const common = { accounts, version, instance: data.instance, logger: daemonLog, socketFolder: data.runtimeFolder };
  const gitHost = await startGitHost({ ...common, storeFolder: join(data.folder, "git") });
  held.defer(() => gitHost.stop());
  const { gateway, daemon } = await startGateway({
    ...common,
    spoolFolder: join(data.folder, "spool"),
    gitBackendSocket: gitHost.backendSocket,
    registries: settings.registries,
    apiUrl: settings.github.apiUrl,
    model: {
      baseUrl: model.baseUrl,
      credential: { kind: model.credential.kind === "api-key" ? "api-key" : "oauth", value: model.credential.value.reveal() },
      ...network,
    },
  });
  held.defer(() => daemon.stop());

  const seal = openSeal(join(data.folder, "keys", "seal.key"));
  const grants = createGrants({
    app,
    db,
    seal,
    keepSecret: (token) => redactor.add(token),
    nowMs,
    onSweepError: (error, grant) => log.warn({ err: error, grant }, "token not revoked yet"),
  });
  let publicUrl = settings.web.publicUrl;
  const pageUrl = (pageKey: string) => `${publicUrl.replace(/\/$/, "")}/runs/${pageKey}`;
  const teller = createTeller({ db, grants, app, redact, pageUrl, nowMs });
  const wake = (run: Parameters<typeof queue.wakeRun>[0]) =>
    void queue.wakeRun(run).catch((error: unknown) => log.warn({ err: error }, "wake-up lost"));
  const watchers = held.use(
    createWatchers({ db, engine: machine.engine, gateway, instance: data.instance, changes, redact, wake, log }),
  );

  const gitDaemon = (name: HelperName) => gitHost.daemons.find((each) => each.name === name);
  const helpers = [
    describeHelper({ name: "gateway", account: accounts?.["airlock-gateway"], daemon, folder: join(data.folder, "spool") }),
    ...(["git-runs", "git-bases"] as const).map((name) =>
      describeHelper({
        ...{ name, account: accounts?.[name === "git-runs" ? "airlock-git" : "airlock-base"] },
        ...{ daemon: gitDaemon(name), folder: join(data.folder, "git") },
      }),
    ),
  ];
  const engineSocket = (machine.engine.docker.modem as { socketPath?: string }).socketPath ?? "/var/run/docker.sock";

  const maximum = maximumOf(settings);
  const house: House = {
    ...{
      db,
      engine: machine.engine,
      gateway,
      git: gitHost.git,
      grants,
      app,
      recall: createRecall({ grants, app, log, nowMs }),
      teller,
      watchers,
      accounts,
      network,
      log,
      redact,
      nowMs,
    },
    ...{ helpers, secretPaths: [engineSocket, join(data.folder, "store"), join(data.folder, "keys")] },
    ...{ instance: data.instance, image: machine.image, runsFolder, transportFolder, webUrl: settings.github.webUrl },
    model: model.name ?? defaultModel,
    modelPolicy: modelPolicyOf(settings),
    memoryBytes: settings.limits.memoryBytes,
    limits: sandboxLimitsOf(maximum),
    maximum,
    mode: settings.mode,
    reach: createReach({
      ...{ webUrl: settings.github.webUrl, apiUrl: settings.github.apiUrl, world },
      readMeta: async () => (await app.api.rest.meta.get()).data,
      tell: (notes) => log.warn({ notes }, "left out of what sandboxes may reach"),
    }),
    deadlineMs: settings.limits.deadlineMinutes * 60_000,
    concurrency: settings.limits.concurrency,
    publishing: settings.publish,
  };

  const probot = new Probot({
    appId: appSettings.id,
    privateKey: appSettings.privateKey.reveal(),
    secret: appSettings.webhookSecret.reveal(),
    log: log as never,
  });
  await probot.ready();
  const newRun = (causeKey: string) => ({
    id: printRunId(seal.name("run", causeKey)),
    pageKey: seal.name("page", causeKey).subarray(0, 16).toString("hex"),
  });
  const triggers = {
    db,
    queue,
    grants,
    accounts: settings.accounts,
    releaseByOthers: settings.publish.releaseByOthers,
    newRun,
    botId: identity.botId,
    pageUrl,
    nowMs,
  };
  await probot.load(loadTriggers(triggers, (id, note) => log.info({ delivery: id, note }, "delivery handled")));

  const closing = new AbortController();
  held.defer(() => closing.abort());
  const reader = createReader({ db, changes, webUrl: settings.github.webUrl });
  const health = async () => ({ ok: true, version, app: identity.slug });
  const onFault = (error: unknown) => log.error({ err: error }, "page failed");
  const pages = createPages({ reader, publicUrl, closing: closing.signal, health, onFault });
  const receiver = settings.poll.only
    ? undefined
    : {
        verify: (body: string, signature: string) => probot.webhooks.verify(body, signature),
        store: (delivery: Parameters<typeof addDelivery>[2]) => addDelivery(db, queue, delivery),
        ...{ nowMs, log },
      };
  const serving = held.use(
    await serve({
      ...settings.web,
      webhookPath: settings.github.webhookPath,
      receiver,
      pages,
      onFault: (error, path) => log.error({ err: error, path }, "request failed"),
    }),
  );
  if (settings.web.port === 0) publicUrl = withPort(publicUrl, serving.port);
  const filer = createFiler({ db, queue, nowMs });
  const trials = held.use(createTrials(house));
  const local = createLocal({
    openTrial: (wish, signal) => trials.open(wish, signal),
    reader,
    filer,
    publicUrl,
    closing: closing.signal,
    health,
    onFault,
  });
  held.use(await serveLocal(appSocket(data), local));

  const sweep = async (olderThanMs: number) => grants.sweep(new Set((await activeRuns(db)).map((run) => run.id)), olderThanMs);
  const swept = await sweep(0);
  if (swept > 0) log.info({ swept }, "tokens of earlier lives revoked");
  let sweeping = Promise.resolve();
  const sweepRemains = () => {
    sweeping = sweeping.then(async () => {
      const removed = await sweepOrphans({ ...house, trials }).catch((error: unknown) => {
        log.warn({ err: error }, "orphans not looked for yet");
        return [];
      });
      if (removed.length > 0) log.info({ removed }, "orphans removed");
    });
    return sweeping;
  };
  held.defer(() => sweeping);
  // Not waited for: an engine that answers slowly must not keep a delivery waiting. What fails now is tried by the timer again.
  void sweepRemains();
  await releaseEarlierLives(db, data.instance);
  const holder = `${data.instance}:${randomBytes(8).toString("hex")}`;
  const worker = await startWorker({
    ...{ db, queue, changes, holder, log, nowMs },
    observe: (run) => observeRun(house, run),
    perform: createPerform(house),
    handleDelivery: (id) => handleDelivery({ db, probot }, id),
    // Ten minutes: no delivery takes that long, so its token cannot be in use any more.
    tidy: async () => {
      await sweepRemains();
      await sweep(600_000);
    },
    atOnce: settings.limits.concurrency + 4,
    tickMs: 5_000,
  });
  held.use(worker);
  const recovery = held.use(
    startRecovery(
      { db, queue, deliveries: createDeliveryLog(app.api), appId: identity.id, handle: worker.deliver, log, nowMs },
      settings.poll.everyMs,
    ),
  );
  log.info({ url: publicUrl, app: identity.slug, instance: data.instance }, "ready");
  const kept = held.move();
  return {
    port: serving.port,
    url: publicUrl,
    ...{ log, db, reader, filer, recovery },
    async settled(signal) {
      while ((await activeRuns(db)).length > 0) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The run's model, and the one that the pinned Claude Code takes for small work. */
function modelPolicyOf({ model, limits }: CompleteSettings): ModelPolicy {
  const { budgetMicroUsd: microUsd, budgetTokens: tokens } = limits;
  return {
    allowedModels: [model.name ?? defaultModel, model.smallName ?? defaultSmallModel],
    budget: { ...(microUsd !== undefined && { microUsd }), ...(tokens !== undefined && { tokens }) },
    pace: { atOnce: limits.modelCallsAtOnce, perMinute: limits.modelCallsPerMinute },
  };
}

/** What a run may use at most: its repository may lower each. */
function maximumOf({ limits }: CompleteSettings): RunLimits {
  const { deadlineMinutes, memoryBytes, cpus, processes, diskBytes, diskFiles, outputBytes } = limits;
  const { stallMinutes, loopCalls, budgetMicroUsd, budgetTokens } = limits;
  return {
    ...{ minutes: deadlineMinutes, memoryBytes, cpus, processes, diskBytes, diskFiles, outputBytes, stallMinutes, loopCalls },
    ...(budgetMicroUsd !== undefined && { budgetMicroUsd }),
    ...(budgetTokens !== undefined && { budgetTokens }),
  };
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.toString().replace(/\/$/, "");
}
