import { lstatSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { listenOnSocket } from "../privilege/control-server.ts";
import type { RunId } from "../run/identity.ts";
import { type Reader, serveApi } from "./api/serve.ts";
import type { ApiUpstream } from "./api/upstream.ts";
import { openTunnels, type TunnelPlace } from "./connect/tunnels.ts";
import { recordDropped } from "./dropped.ts";
import { type Framing, watchFraming } from "./framing-watch.ts";
import { serveGit } from "./git/relay.ts";
import { serveModelCall } from "./model/call.ts";
import type { Caps } from "./model/caps.ts";
import { openModelGate } from "./model/gate.ts";
import type { ModelPolicy } from "./model/policy.ts";
import type { ModelUpstream } from "./model/upstream.ts";
import type { Outcome } from "./outcome.ts";
import { answerRefusal, printRawRefusal } from "./refusal.ts";
import type { PackageScope } from "./registry/scope.ts";
import type { Registries } from "./registry/serve.ts";
import { decideRoute } from "./route.ts";
import { longestRecord, type Spool } from "./spool.ts";

export interface DoorWish {
  run: RunId;
  /** The folder that is mounted into the sandbox: ours, and the run may only enter it. */
  folder: string;
  policy: ModelPolicy;
}

export interface DoorPlace {
  upstream: ModelUpstream;
  backendSocket: string;
  registries: Registries;
  /** Holds what runs have spent, beside their records. */
  spoolFolder: string;
  api: ApiUpstream;
  /** Money that is counted over all runs. */
  caps: Caps;
  /** How the run's repository is read now; undefined: the App has not told. */
  reader(): Reader | undefined;
  spool: Spool;
  packages: PackageScope;
  tunnels: TunnelPlace;
  /** Told of what nobody foresaw. It ends one connection, and not the process that every run's door is in. */
  onFault?(error: unknown, run: RunId): void;
}

export interface Door {
  wish: DoorWish;
  socketPath: string;
  /** It shut by itself, since a row could not be written. It may be opened anew. */
  isBroken(): boolean;
  /** Takes no new connection, gives those in work `graceMs`, then breaks them off. When it resolves, every row is written. */
  close(graceMs: number): Promise<void>;
}

const socketName = "gateway.sock";

/** Opens one run's door: a socket that only the gateway and the run's group can reach, with a server of its own, so that nothing that
 *  one run does to its door is felt at another's. */
export async function openDoor(wish: DoorWish, place: DoorPlace): Promise<Door> {
  demandSafeFolder(wish.folder);
  const gate = openModelGate({ policy: wish.policy, folder: place.spoolFolder, run: wish.run, caps: place.caps });
  const inWork = new Set<Promise<void>>();
  const tails = new WeakMap<Socket, Promise<void>>();
  const bySocket = new WeakMap<Socket, Outcome>();
  const server = createServer({
    // Looked at in strict.ts, so that its refusal is on record.
    requireHostHeader: false,
    maxHeaderSize: 32_768,
    headersTimeout: 10_000,
    requestTimeout: 600_000,
    keepAliveTimeout: 60_000,
  });
  // Counted for this run alone.
  server.maxConnections = 64;
  server.maxRequestsPerSocket = 1_000;

  const framings = watchFraming(server);

  let broken = false;
  const record = (row: Parameters<Spool["append"]>[0]) => {
    const seq = place.spool.lastSeq() + 1;
    if (seq > longestRecord) return;
    try {
      place.spool.append(seq === longestRecord ? { ...row, verdict: "refused", rule: "door.record-full" } : row);
    } catch (error) {
      broken = true;
      place.onFault?.(error, wish.run);
    }
    // What cannot be put on record is not served.
    if (seq === longestRecord || broken) {
      server.close();
      breakOff();
    }
  };
  const tunnels = openTunnels({ place: place.tunnels, carried: place.spool.carried("connect"), record });
  const breakOff = () => {
    server.closeAllConnections();
    // The server has no hand in these any more, and waits for them.
    tunnels.closeAll();
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // One at a time on one connection: what is sent behind a request that turns out to be refused with its connection is not a request,
    // since nobody can say where the refused one ended.
    const work = (tails.get(socket) ?? Promise.resolve())
      .then(() => (socket.destroyed || socket.writableEnded ? undefined : serve(request, response)))
      .catch((error: unknown) => giveUp(error, socket))
      .finally(() => inWork.delete(work));
    tails.set(socket, work);
    inWork.add(work);
  };

  const giveUp = (error: unknown, socket: Socket) => {
    place.onFault?.(error, wish.run);
    socket.destroy();
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = Date.now();
    const method = request.method ?? "";
    const target = request.url ?? "";
    request.on("error", () => {});
    response.on("error", () => {});
    const closed = new Promise<void>((resolve) => response.once("close", () => resolve()));
    const route = decideRoute({ method, target, httpVersion: request.httpVersion, rawHeaders: request.rawHeaders });
    const outcome: Outcome = { door: route.door, verdict: "allowed", rule: route.rule, bytesIn: 0, bytesOut: 0 };
    bySocket.set(request.socket, outcome);
    const framing = framings.of(request.socket);
    try {
      await serveRoute(route, { request, response, framing, target, outcome });
    } catch (error) {
      place.onFault?.(error, wish.run);
      Object.assign(outcome, { verdict: "refused", rule: "door.fault" });
      const why = "the gateway met an error that it did not foresee";
      if (!response.headersSent)
        outcome.bytesOut += answerRefusal(response, {
          status: 500,
          rule: "door.fault",
          why,
          grant: "The operator reads its log",
          close: true,
        });
      else response.destroy();
    }
    await closed;
    bySocket.delete(request.socket);
    const status = response.headersSent ? response.statusCode : 0;
    record({
      atMs,
      method: method.slice(0, 32),
      target: target.slice(0, 512),
      ...outcome,
      status,
      durationMs: Date.now() - atMs,
    });
  }

  async function serveRoute(
    route: ReturnType<typeof decideRoute>,
    of: { request: IncomingMessage; response: ServerResponse; framing: Framing; target: string; outcome: Outcome },
  ): Promise<void> {
    const { request, response, framing, target, outcome } = of;
    if ("refused" in route) {
      outcome.verdict = "refused";
      outcome.bytesOut = answerRefusal(response, route);
    } else if (route.to === "health") {
      const body = JSON.stringify({ airlock: "gateway", run: wish.run, ...repositoryOf(place.reader()), ...tunnelsOf(place) });
      outcome.bytesOut = Buffer.byteLength(body);
      response.writeHead(200, { "content-type": "application/json" }).end(body);
    } else if (route.to === "git")
      await serveGit({ ...route, request, response, framing, run: wish.run, backendSocket: place.backendSocket, outcome });
    else if (route.to === "registry") await place.registries.serve({ request, response, target, scope: place.packages, outcome });
    else if (route.to === "api")
      await serveApi({ request, response, framing, target, reader: place.reader(), upstream: place.api, outcome });
    else
      await serveModelCall({
        ...{ request, response, framing, path: route.path, policy: wish.policy, gate, upstream: place.upstream, outcome },
      });
  }

  server.on("request", onRequest);
  // Both carry an Expect header, which is refused like any other oddity.
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", onRequest);
  server.on("connect", (request, _socket, head) => {
    const { socket } = request;
    framings.forget(socket);
    const work = tunnels
      .serve({ request, socket, head, first: !tails.has(socket) })
      .catch((error: unknown) => giveUp(error, socket))
      .finally(() => inWork.delete(work));
    inWork.add(work);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const timeout = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    const malformed = timeout || (error.code ?? "").startsWith("HPE_");
    const rule = timeout ? "http.timeout" : "http.malformed";
    const running = bySocket.get(socket);
    // A body that broke the framing: the request has its row already, which now says why.
    if (running && malformed) Object.assign(running, { verdict: "refused", rule });
    if (!running && malformed && socket.bytesRead > 0) {
      const status = timeout ? 408 : 400;
      const why = timeout ? "the request did not arrive in time" : "this is no request of HTTP/1.1";
      if (socket.writable) socket.write(printRawRefusal({ status, rule, why }));
      const row = { atMs: Date.now(), door: "none" as const, method: "", target: "", verdict: "refused" as const };
      record({ ...row, rule, bytesIn: 0, bytesOut: 0, status, durationMs: 0 });
    }
    socket.destroySoon();
  });

  const tellDropped = recordDropped(server, record);
  const socketPath = join(wish.folder, socketName);
  await listenOnSocket(server, socketPath, 0o660);
  return {
    wish,
    socketPath,
    isBroken: () => broken,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const clock = setTimeout(breakOff, graceMs);
      await closed;
      clearTimeout(clock);
      await Promise.allSettled([...inWork]);
      tellDropped();
    },
  };
}

function repositoryOf(reader: Reader | undefined): { repository?: string } {
  return reader ? { repository: `${reader.owner}/${reader.name}` } : {};
}

function tunnelsOf({ tunnels: { hosts } }: DoorPlace): { tunnels?: readonly string[] } {
  return hosts.length > 0 ? { tunnels: hosts } : {};
}

/** The gateway trusts nothing that it finds in a door's folder, and no folder that somebody else could put things into. */
function demandSafeFolder(folder: string): void {
  const seen = lstatSync(folder);
  const ours = seen.uid === process.getuid?.();
  if (!seen.isDirectory() || !ours || (seen.mode & 0o022) !== 0)
    throw new Error(`${folder} is not a folder of the gateway's own`);
}
