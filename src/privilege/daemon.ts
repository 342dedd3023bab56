import { lstatSync, rmSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { text } from "node:stream/consumers";
import { answerJson, type ControlHandler, serveControl } from "./control-server.ts";
import { createDaemonLog, type DaemonLog } from "./daemon-log.ts";
import { dropToAccount } from "./drop.ts";

/** What the App writes to a daemon's stdin, as one line. May hold secrets; nothing of it is in argv or environment. */
export interface DaemonOrder {
  name: string;
  version: string;
  instance: string;
  /** Of the whole configuration: the App adopts a daemon only if it would start it with the same. */
  digest: string;
  controlSocket: string;
  account?: { uid: number; gid: number };
  config: unknown;
}

/** What `GET /healthz` tells. */
export interface DaemonHealth {
  airlock: string;
  version: string;
  instance: string;
  digest: string;
  pid: number;
  uid: number;
}

const toldToStop = "told to stop";

/** The part that each daemon brings. */
export interface DaemonPart {
  handle: ControlHandler;
  /** Ends all work; the process leaves when it resolves, or after 10 s. */
  close(): Promise<void>;
}

/** The life of a daemon: read the order, leave root, build, listen, serve until told to stop or until the control socket is gone
 *  (whoever removes its folder retires it). Never returns to a half-started state: any fault on the way ends the process with 1. */
export async function runDaemon<Config>(start: (config: Config, log: DaemonLog) => Promise<DaemonPart>): Promise<void> {
  // Not readFileSync: where the pipe does not block, and its writer is late on a busy machine, that ends with EAGAIN.
  const order = JSON.parse(await text(process.stdin)) as DaemonOrder;
  // By its account it cannot write there any more, and must not.
  flushCompileCache();
  dropToAccount(order.account);
  process.umask(0o077);
  const log = createDaemonLog(order.name);
  process.on("SIGHUP", () => {});
  const part = await start(order.config as Config, log);
  let leaving = false;
  let mine: number | undefined;
  const stillMine = () => lstatSync(order.controlSocket, { throwIfNoEntry: false })?.ino === mine;
  const leave = (because: string) => {
    if (leaving) return;
    leaving = true;
    log("info", "daemon is leaving", { because });
    const end = () => {
      // No socket tells all who look after this process that it did not die, but was stopped.
      if (because === toldToStop && stillMine()) rmSync(order.controlSocket, { force: true });
      process.exit(0);
    };
    setTimeout(end, 10_000).unref();
    void part.close().finally(end);
  };
  const health: DaemonHealth = {
    airlock: order.name,
    version: order.version,
    instance: order.instance,
    digest: order.digest,
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
  };
  const control = await serveControl(order.controlSocket, async (request, response, url) => {
    if (request.method === "GET" && url.pathname === "/healthz") {
      answerJson(response, 200, health);
      return true;
    }
    if (request.method === "POST" && url.pathname === "/stop") {
      response.once("close", () => leave(toldToStop));
      answerJson(response, 202, { stopping: true });
      return true;
    }
    return part.handle(request, response, url);
  });
  control.on("close", () => leave("control socket closed"));
  process.on("SIGTERM", () => leave("SIGTERM"));
  process.on("SIGINT", () => leave("SIGINT"));
  mine = lstatSync(order.controlSocket).ino;
  // Tests and uninstalls remove the folder; a successor replaces the socket. Either way nobody can reach this process any more.
  setInterval(() => {
    if (!stillMine()) leave("control socket is gone");
  }, 1_000).unref();
  log("info", "daemon is ready", { uid: health.uid, version: order.version });
}
