import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Fault } from "../fault.ts";
import type { Account } from "./accounts.ts";
import { callControl } from "./control-client.ts";
import type { DaemonHealth, DaemonOrder } from "./daemon.ts";
import { ensureFolder } from "./folder.ts";
import { keepAlive } from "./keep-alive.ts";
import { composeLaunch } from "./launch.ts";
import { followLog } from "./log-follow.ts";

export interface DaemonWish {
  /** What it is called in its health answer and its log: "gateway", "git-runs" … */
  name: string;
  /** Its account when we are root; undefined otherwise. */
  account: Account | undefined;
  /** file: URL of its main file. */
  script: URL;
  network: "host" | "none";
  /** Given on stdin only: may hold secrets. */
  config: unknown;
  /** A daemon of another version or instance at this socket is replaced. */
  version: string;
  instance: string;
  /** At most 107 bytes. Its folder is the daemon's own, and nothing else may lie in it: removing the folder retires the daemon. */
  controlSocket: string;
  /** Gets each JSON line that the daemon logs. */
  logger?: (line: string) => void;
  /** Called when it had died and answers again. */
  onRevived?: () => void;
}

/** A process of ours that outlives this one. */
export interface Daemon extends AsyncDisposable {
  name: string;
  readonly pid: number;
  /** Whether it ran already, from an earlier life of the App. */
  adopted: boolean;
  /** "own-account": root started it under its own uid; "shared-uid": everything runs as one uid, which is weaker and must be said. */
  privilege: "own-account" | "shared-uid";
  controlSocket: string;
  /** What it says of itself now; undefined if it does not answer. */
  health(): Promise<DaemonHealth | undefined>;
  /** Tells it to stop and waits until its process is gone; kills it after 12 s. */
  stop(): Promise<void>;
}

/** Starts a daemon, or adopts the running one that the same version, instance and configuration started. Resolves when it answers.
 *  One that dies is started again at the same socket: the runs that need it go on with their next try.
 *  Disposing only stops following its log: the daemon goes on. Throws Fault "settings.daemon" if it does not come up within 15 s. */
export async function startDaemon(wish: DaemonWish): Promise<Daemon> {
  if (Buffer.byteLength(wish.controlSocket) > 107) {
    throw new Fault("settings.socket-path", `${wish.controlSocket} is longer than the 107 bytes of a socket path`, {
      remedy: "Choose a shorter folder for Airlock's sockets",
    });
  }
  const folder = dirname(wish.controlSocket);
  const logFile = join(folder, "log.ndjson");
  const config = JSON.stringify(wish.config);
  const digest = createHash("sha256").update(`${wish.name}\0${wish.account?.uid}\0${config}`).digest("hex");
  const running = await findHealth(wish.controlSocket);
  const same = running?.airlock === wish.name && running.version === wish.version && running.instance === wish.instance;
  const adopted = same && running.digest === digest;
  if (running && !adopted) await stopDaemon(wish.controlSocket, running.pid);
  const place: LaunchPlace = { wish, config, digest, folder, logFile };
  let pid = adopted ? running.pid : await launch(place);
  const follow = (fromStart: boolean) => (wish.logger ? followLog(logFile, { line: wish.logger, fromStart }) : undefined);
  let follower = follow(!adopted);
  let reviving = false;
  const revival = keepAlive({
    isAlive: () => isAlive(pid),
    async revive() {
      // Removing its folder retires a daemon. One that dies leaves its socket; without it, somebody stopped this one, and is perhaps
      // starting another in its place right now: two started at once would take log and socket from each other.
      const retired = !existsSync(folder) || !(reviving || existsSync(wish.controlSocket));
      if (retired || (await findHealth(wish.controlSocket))) return "replaced";
      reviving = true;
      pid = await launch(place);
      reviving = false;
      await follower?.[Symbol.asyncDispose]();
      follower = follow(true);
      return "revived";
    },
    onRevival(error) {
      const msg = error ? `${wish.name} is dead and does not start: ${error}` : `${wish.name} had died and was started again`;
      wish.logger?.(JSON.stringify({ msg }));
      if (!error) wish.onRevived?.();
    },
  });
  return {
    name: wish.name,
    get pid() {
      return pid;
    },
    adopted,
    privilege: wish.account ? "own-account" : "shared-uid",
    controlSocket: wish.controlSocket,
    health: () => findHealth(wish.controlSocket),
    async stop() {
      await revival[Symbol.asyncDispose]();
      await stopDaemon(wish.controlSocket, pid);
      await follower?.[Symbol.asyncDispose]();
    },
    async [Symbol.asyncDispose]() {
      await revival[Symbol.asyncDispose]();
      await follower?.[Symbol.asyncDispose]();
    },
  };
}

/** Asks whoever listens at a control socket who it is; undefined if nobody answers. */
export async function findHealth(socketPath: string): Promise<DaemonHealth | undefined> {
  try {
    const answer = await callControl({ socketPath, method: "GET", path: "/healthz", idleMs: 3_000 });
    return answer.status === 200 ? (JSON.parse(answer.body.toString("utf8")) as DaemonHealth) : undefined;
  } catch {
    return undefined;
  }
}

interface LaunchPlace {
  wish: DaemonWish;
  config: string;
  digest: string;
  folder: string;
  logFile: string;
}

async function launch({ wish, config, digest, folder, logFile }: LaunchPlace): Promise<number> {
  const { account } = wish;
  await ensureFolder({ path: folder, mode: 0o700, uid: account?.uid, gid: account?.gid });
  await rm(wish.controlSocket, { force: true });
  // Unlinked first and then made exclusively: the account owns the folder, and root must not follow what it might have put there.
  await rm(logFile, { force: true });
  const stderr = openSync(logFile, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND, 0o600);
  const { file, args } = composeLaunch({
    root: wish.account !== undefined,
    network: wish.network,
    node: process.execPath,
    begin: join(import.meta.dirname, "begin.ts"),
    script: fileURLToPath(wish.script),
  });
  const { name, version, instance, controlSocket } = wish;
  const identity = account ? { account: { uid: account.uid, gid: account.gid } } : {};
  const order: DaemonOrder = { name, version, instance, digest, controlSocket, ...identity, config: JSON.parse(config) };
  // Not execa: it knows no file descriptor for stderr, and this process must hold no stream of a child that outlives it but stdin.
  const child = spawn(file, args, {
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", HOME: "/nonexistent" },
    cwd: "/",
    stdio: ["pipe", "ignore", stderr],
    detached: true,
  });
  let ended = false;
  child.on("exit", () => {
    ended = true;
  });
  child.on("error", () => {
    ended = true;
  });
  // A child that ended early no longer reads; what it lacked is in its log.
  child.stdin?.on("error", () => {});
  child.stdin?.end(`${JSON.stringify(order)}\n`);
  closeSync(stderr);
  const giveUpAtMs = Date.now() + 15_000;
  while (!ended && Date.now() < giveUpAtMs) {
    const health = await findHealth(wish.controlSocket);
    if (health?.digest === digest) {
      child.unref();
      return health.pid;
    }
    await wait(20);
  }
  child.kill("SIGKILL");
  throw new Fault("settings.daemon", `The ${wish.name} process did not come up`, {
    remedy: `Read ${logFile}: its last lines say what was missing`,
    cause: new Error(readFileSync(logFile, "utf8").slice(-2_048)),
  });
}

async function stopDaemon(controlSocket: string, pid: number): Promise<void> {
  const killAtMs = Date.now() + 12_000;
  await callControl({ socketPath: controlSocket, method: "POST", path: "/stop", idleMs: 3_000 }).catch(() => {});
  while (isAlive(pid)) {
    // Only while it still answers as that process: the number may be another's by now.
    if (Date.now() > killAtMs && (await findHealth(controlSocket))?.pid === pid) process.kill(pid, "SIGKILL");
    if (Date.now() > killAtMs + 3_000) break;
    await wait(20);
  }
}

/** A zombie is gone: it only waits for whoever is its parent by now. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}
