import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { createWatchers } from "./agent/watch.ts";
import { backUpBeforeMigration } from "./backup/automatic.ts";
import { borrowGitHost } from "./backup/git-host.ts";
import { createBackups } from "./backup/make.ts";
import { takeUpRestored } from "./backup/take-up.ts";
import { createDeliveryLog } from "./delivery/delivery-log.ts";
import { awaitOthers, handleDelivery } from "./delivery/handle.ts";
import { type Recovery, startRecovery } from "./delivery/recovery.ts";
import { type DiskKeeper, startDiskKeeper } from "./disk/keeper.ts";
import { createDiskObserver } from "./disk/observe.ts";
import { readDisk } from "./disk/view.ts";
import type { Fault } from "./fault.ts";
import { firstCallMicroUsd } from "./gateway/model/budget.ts";
import { createGitHubApp } from "./github/app.ts";
import { createGrants } from "./github/grant.ts";
import { createLogger } from "./log.ts";
import { createBudgetReader } from "./pages/budgets.ts";
import { createFiler } from "./pages/file.ts";
import { createPauser, type Pauser } from "./pages/pauser.ts";
import { createReader } from "./pages/read.ts";
import type { Filer, Reader } from "./pages/view.ts";
import { ensureAccounts } from "./privilege/accounts.ts";
import { ensureFolder } from "./privilege/folder.ts";
import { ensurePassage } from "./privilege/passage.ts";
import { createHeartbeat } from "./reconcile/heartbeat.ts";
import type { House } from "./reconcile/house.ts";
import { leaseMsOf } from "./reconcile/loop.ts";
import { observeRun } from "./reconcile/observe.ts";
import { createPerform } from "./reconcile/perform.ts";
import { createRecall } from "./reconcile/recall.ts";
import { serveCaps } from "./reconcile/serve-caps.ts";
import { createUpkeep } from "./reconcile/upkeep.ts";
import { startWorker } from "./reconcile/worker.ts";
import { createTeller } from "./report/teller.ts";
import { type DiskUse, shareOf } from "./run/full.ts";
import { printRunId } from "./run/identity.ts";
import { createReach, type OtherWorld } from "./sandbox/reach.ts";
import { sandboxLimitsOf } from "./sandbox/ready.ts";
import { createRedactor } from "./secret/redact.ts";
import { openSeal } from "./secret/seal.ts";
import type { CompleteSettings, Role } from "./settings.ts";
import type { Machine } from "./setup/machine.ts";
import { applyNetwork } from "./setup/network.ts";
import { lockMachine } from "./store/database-lock.ts";
import { ensureMachineName } from "./store/machine-name.ts";
import { openStore } from "./store/open.ts";
import { addDelivery } from "./store/queries/deliveries.ts";
import { adoptRuns, releaseEarlierLives } from "./store/queries/lease.ts";
import { listMachines } from "./store/queries/machines.ts";
import { activeRuns } from "./store/queries/runs.ts";
import { takeLease } from "./store/queries/shared-lease.ts";
import type { LineWish } from "./store/queries/slots.ts";
import type { Schema } from "./store/schema.ts";
import { demandLikeOthers } from "./store/shared-database.ts";
import { createTrials } from "./trial/trial.ts";
import { openFront } from "./wire/front.ts";
import { startHelpers } from "./wire/helpers.ts";
import { createProbot } from "./wire/probot.ts";
import { lineOf, maximumOf, modelOf, modelPolicyOf } from "./wire/terms.ts";
import { createTidy } from "./wire/tidy.ts";

export interface RunningApp extends AsyncDisposable {
  /** Undefined: it is a worker, and listens nowhere. */
  port: number | undefined;
  /** The address for people, with the port that was really taken. */
  url: string;
  log: Logger;
  db: Kysely<Schema>;
  reader: Reader;
  filer: Filer;
  pauser: Pauser;
  disk: DiskKeeper;
  recovery: Recovery;
  /** Resolves with the reason when the store serves no more: the App is to be ended, and started again. */
  lost: Promise<Fault>;
  /** Resolves when no run is open any more. For commands that end by themselves. */
  settled(signal: AbortSignal): Promise<void>;
}

export interface AppWish {
  settings: CompleteSettings;
  machine: Machine;
  version: string;
  role?: Exclude<Role, "web">;
  /** What firewalled sandboxes find instead of the internet. */
  world?: OtherWorld | undefined;
  /** Where log lines go; stderr by default. */
  logTo?: NodeJS.WritableStream;
  /** How full the machine's disks are; by default it is looked at. */
  observeDisks?: (() => Promise<DiskUse[]>) | undefined;
}

/** Builds every part once and hands it down. Disposing takes all apart in the reverse order; runs go on at the next start. */
export async function startApp(wish: AppWish): Promise<RunningApp> {
  const { settings, machine, version, logTo, world, role = "all" } = wish;
  await using held = new AsyncDisposableStack();
  const { data, app: appSettings, model } = settings;
  const redactor = createRedactor({
    values: [
      ...[appSettings.privateKey.reveal(), appSettings.webhookSecret.reveal(), model.credential.value.reveal()],
      ...[appSettings.oldWebhookSecret, settings.database?.url, settings.database?.password].flatMap(
        (secret) => secret?.reveal() ?? [],
      ),
      ...passwordsOf(settings.proxy.https?.reveal()),
    ],
  });
  const redact = (text: string) => redactor.redact(text);
  const log = createLogger({ ...settings.log, redactor, ...(logTo && { destination: logTo }) });
  const network = applyNetwork(settings);
  const nowMs = () => Date.now();

  await ensureFolder({ path: data.folder, mode: 0o711 });
  await ensureFolder({ path: data.runtimeFolder, mode: 0o711 });
  for (const folder of [data.folder, data.runtimeFolder]) await ensurePassage(folder);
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
  const backupParts = { folder: data.folder, version, nowMs, openGit: () => borrowGitHost({ data, version }) };
  const backUp = (db: Kysely<Schema>, next: string) =>
    backUpBeforeMigration({ ...backupParts, db, embedded: true, seal: openSeal(join(data.folder, "keys", "seal.key")) }, next);
  const store = held.use(await openStore({ folder: data.folder, databaseUrl: settings.database?.url, backUp, onQueueError }));
  const machineName = ensureMachineName(data.folder);
  let storeIsLost = false;
  void store.lost.then((fault) => {
    storeIsLost = true;
    log.fatal({ err: fault }, fault.message);
  });
  if (settings.database) held.use(await lockMachine({ url: settings.database.url, machine: machineName, onError: onQueueError }));
  const { db, queue, changes } = store;
  // With the data folder in hand: whoever listened at these sockets was an earlier life, and is dead.
  await rm(transportFolder, { recursive: true, force: true });
  await ensureFolder({ path: transportFolder, mode: 0o711 });
  held.defer(async () => {
    openRuns = (await activeRuns(db)).length > 0;
  });
  const wake = (run: Parameters<typeof queue.wakeRun>[0]) =>
    void queue.wakeRun(run).catch((error: unknown) => log.warn({ err: error }, "wake-up lost"));
  const wakeAll = async () => {
    for (const { id } of await activeRuns(db)) wake(id);
  };
  const app = createGitHubApp({
    redact,
    appId: appSettings.id,
    privateKey: appSettings.privateKey,
    apiUrl: settings.github.apiUrl,
    webHost: settings.github.host,
  });
  const identity = await app.identity();

  const accounts = await ensureAccounts();
  const { caps } = settings.limits;
  const capsSocket = join(data.runtimeFolder, "caps.sock");
  // Before the gateway, so that it outlives it: what ends with the gateway is still counted.
  held.use(await serveCaps({ ...{ db, caps, log, wake, nowMs }, socketPath: capsSocket, owner: accounts?.["airlock-gateway"] }));
  const { git, gateway, described } = held.use(
    await startHelpers({
      ...{ settings, accounts, version, capsSocket, network },
      logger: (line) => log.debug({ line: redact(line) }, "helper process"),
      beforeGateway: (git) => takeUpRestored({ db, git, accounts, folder: data.folder, log }),
      onRevived: () => void wakeAll().catch(onQueueError),
    }),
  );

  const seal = openSeal(join(data.folder, "keys", "seal.key"));
  if (settings.database) await demandLikeOthers(db, { seal, nowMs });
  const claimant = {
    machine: machineName,
    holder: `${machineName}:${randomBytes(8).toString("hex")}`,
    lostAfterMs: settings.scale.takeoverMs,
  };
  const line: LineWish = lineOf(settings, machineName);
  const credential = seal.name("credential", model.credential.value.reveal()).toString("hex").slice(0, 16);
  const { beat, mayJudge } = createHeartbeat({
    ...{ db, gateway, credential, nowMs, spanMs: leaseMsOf(claimant) },
    github: { app: `${appSettings.id}`, throttle: app.throttle },
    onClock: (offMs) => log.error({ offMs }, "this machine's clock is not the database server's: it takes no run over"),
    machine: { machine: machineName, labels: settings.scale.labels, places: settings.limits.concurrency, version },
  });
  // Before anything else looks at its runs: they are not for others to take.
  await beat();
  const grants = createGrants({
    ...{ app, db, claimant },
    seal,
    keepSecret: (token) => redactor.add(token),
    nowMs,
    accounts: settings.accounts,
    onSweepError: (error, grant) => log.warn({ err: error, grant }, "token not revoked yet"),
  });
  let publicUrl = settings.web.publicUrl;
  const pageUrl = (pageKey: string) => `${publicUrl.replace(/\/$/, "")}/runs/${pageKey}`;
  const seeDisks = wish.observeDisks ?? createDiskObserver({ dataFolder: data.folder, engine: machine.engine });
  const { boundPercent, codeMs: keepCodeMs } = settings.disk;
  const disk = held.use(await startDiskKeeper({ git, observe: seeDisks, boundPercent, keepCodeMs, log, nowMs }));
  const teller = createTeller({ db, grants, app, disk, line, redact, pageUrl, nowMs });
  const watchers = held.use(
    createWatchers({ db, engine: machine.engine, gateway, instance: data.instance, changes, redact, wake, nowMs, log }),
  );

  const engineSocket = (machine.engine.docker.modem as { socketPath?: string }).socketPath ?? "/var/run/docker.sock";

  const maximum = maximumOf(settings);
  const house: House = {
    ...{
      db,
      engine: machine.engine,
      gateway,
      git,
      grants,
      app,
      recall: createRecall({ grants, app, log, nowMs }),
      teller,
      watchers,
      upkeep: createUpkeep(),
      disk,
      accounts,
      network,
      log,
      redact,
      nowMs,
    },
    ...{ helpers: described, secretPaths: [engineSocket, join(data.folder, "store"), join(data.folder, "keys")] },
    ...{ instance: data.instance, image: machine.image, runsFolder, transportFolder, webUrl: settings.github.webUrl },
    model: modelOf(settings),
    modelPolicy: modelPolicyOf(settings),
    ...{ caps, firstCallMicroUsd: firstCallMicroUsd(modelOf(settings)) },
    memoryBytes: settings.limits.memoryBytes,
    runtime: settings.runtime,
    limits: sandboxLimitsOf(maximum),
    maximum,
    mode: settings.mode,
    reach: createReach({
      ...{ webUrl: settings.github.webUrl, apiUrl: settings.github.apiUrl, world },
      readMeta: async () => (await app.api.rest.meta.get()).data,
      tell: (notes) => log.warn({ notes }, "left out of what sandboxes may reach"),
    }),
    deadlineMs: settings.limits.minutes * 60_000,
    ...{ line, credential },
    publishing: settings.publish,
  };

  const newRun = (causeKey: string) => ({
    id: printRunId(seal.name("run", causeKey)),
    pageKey: seal.name("page", causeKey).subarray(0, 16).toString("hex"),
  });
  const { probot, verify } = await createProbot({
    app: appSettings,
    triggers: {
      ...{ db, queue, grants, disk, line, newRun, pageUrl, nowMs },
      ...{ accounts: settings.accounts, releaseByOthers: settings.publish.releaseByOthers, botId: identity.botId },
    },
    log,
  });

  const reader = createReader({ db, disk, line, nowMs, changes, webUrl: settings.github.webUrl });
  const health = async () => {
    const shares = (await seeDisks().catch(() => [])).map(shareOf);
    const told = shares.length > 0 ? { diskUsedPercent: Math.ceil(Math.max(...shares) * 100) } : {};
    return { ok: true, version, app: identity.slug, ...told };
  };
  const filer = createFiler({ db, queue, nowMs });
  const pauser = createPauser({ db, queue, app, nowMs });
  const backups = createBackups({
    ...backupParts,
    db,
    embedded: !settings.database,
    seal,
    openGit: async () => ({ git, [Symbol.asyncDispose]: async () => {} }),
  });
  const trials = held.use(createTrials(house));
  const front = held.use(
    await openFront({
      ...{ settings, role, reader, health, log },
      receiver: { verify, store: (delivery) => addDelivery(db, queue, delivery), nowMs, log },
      local: {
        backUp: backups,
        openTrial: (wish, signal) => trials.open(wish, signal),
        ...{ filer, pauser },
        machines: () => listMachines(db),
        disk: {
          full: disk.full,
          read: () =>
            readDisk({
              ...{ observe: seeDisks, full: disk.full, boundPercent, engine: machine.engine },
              ...{ instance: data.instance, dataFolder: data.folder },
            }),
        },
        budgets: createBudgetReader({ db, caps, nowMs }),
      },
      onUrl: (url) => {
        publicUrl = url;
      },
    }),
  );

  const tidy = held.use(createTidy({ db, grants, disk, log, nowMs, retention: settings.keep, remains: { ...house, trials } }));
  await tidy.begin();
  await releaseEarlierLives(db, machineName);
  await adoptRuns(db, { machine: machineName, alone: !settings.database });
  const worker = await startWorker({
    ...{ db, queue, changes, claimant, beat, mayJudge, log, nowMs },
    cutOff: (run) => grants.revokeAll(run),
    observe: (run) => observeRun(house, run),
    perform: createPerform(house),
    handleDelivery: (id) => handleDelivery({ db, probot, holder: claimant.holder, nowMs }, id),
    tidy: tidy.again,
    // Runs that only wait take a moment each, and so do most deliveries.
    atOnce: settings.limits.concurrency + 32,
    tickMs: 5_000,
  });
  held.use(worker);
  const isMine = () =>
    takeLease(db, { name: "delivery log", ...claimant, nowMs: nowMs(), leaseMs: settings.poll.everyMs + 30_000 });
  const recovery = held.use(
    startRecovery(
      {
        ...{ db, queue, deliveries: createDeliveryLog(app.api), appId: identity.id, isMine, log, nowMs },
        handle: async (id) => {
          await worker.deliver(id);
          // Each is woken by the queue as well, maybe on another machine.
          await awaitOthers({ db, holder: claimant.holder, nowMs }, id);
          // A pass may take longer than the lease: of two that read the log, the second would go on where the first is not done.
          if (!(await isMine())) throw new Error("another process reads GitHub's log of deliveries by now");
        },
      },
      settings.poll.everyMs,
    ),
  );
  log.info({ url: publicUrl, app: identity.slug, instance: data.instance }, "ready");
  const kept = held.move();
  return {
    port: front.port,
    url: front.url,
    ...{ log, db, reader, filer, pauser, disk, recovery, lost: store.lost },
    async settled(signal) {
      while ((await activeRuns(db)).length > 0) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        await kept.disposeAsync();
      } catch (error) {
        // What could not be written any more: the next start finds it as a killed App would have left it.
        if (!storeIsLost) throw error;
      }
    },
  };
}

/** A proxy's address may hold one: as it stands there, and decoded. */
function passwordsOf(address: string | undefined): string[] {
  const password = address === undefined ? undefined : URL.parse(address)?.password;
  if (!password) return [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
