import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { listenOnSocket } from "../../privilege/control-server.ts";
import type { DaemonLog } from "../../privilege/daemon-log.ts";
import { endAfterBody } from "../../privilege/linger.ts";
import { parseBackendRequest } from "./cgi.ts";
import { type ExchangeLimits, serveExchange } from "./exchange.ts";
import type { RunRepositories } from "./run-repositories.ts";
import { observeSize } from "./size.ts";

export interface BackendPlace extends ExchangeLimits {
  socketPath: string;
  /** Folder of the run repositories. */
  folder: string;
  repositories: RunRepositories;
  log: DaemonLog;
  /** A run's repository that has reached this takes no more pushes. */
  maxRepositoryBytes: number;
  /** At most this many git processes at once for one run; further requests wait. */
  parallel: number;
}

/** Serves git's smart HTTP to the gateway: the run repositories, and nothing else of this account. */
export async function serveBackend(place: BackendPlace): Promise<Server> {
  const busy = new Map<string, { running: number; waiting: (() => void)[] }>();
  const server = createServer((request, response) => {
    void answer(request, response).catch((error) => {
      place.log("error", "git exchange failed", { error: String(error) });
      if (response.headersSent) response.destroy();
      else refuse(response, 500);
    });
  });
  server.requestTimeout = 0;
  server.headersTimeout = 10_000;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wanted = parseBackendRequest(request.method, request.url);
    if (!wanted) return refuse(response, 400);
    if (!(await place.repositories.has(wanted.run))) return refuse(response, 404);
    if (wanted.part === "exchange" && request.headers["content-type"] !== `application/x-${wanted.service}-request`)
      return refuse(response, 415);
    const lane = busy.get(wanted.run) ?? { running: 0, waiting: [] };
    busy.set(wanted.run, lane);
    if (lane.running >= place.parallel) await new Promise<void>((go) => lane.waiting.push(go));
    else lane.running += 1;
    try {
      // Looked at when its turn has come: of pushes that wait together, each would find room that those before it take.
      if (wanted.service === "git-receive-pack" && wanted.part === "exchange") {
        const held = await observeSize(place.repositories.path(wanted.run));
        if (held > place.maxRepositoryBytes) return refuse(response, 413);
      }
      if (!response.destroyed) await serveExchange({ ...place, request, response, wanted });
    } finally {
      const next = lane.waiting.shift();
      if (next) next();
      else if (--lane.running === 0) busy.delete(wanted.run);
    }
  }
  // The folder's group is the gateway's and enters the socket through the folder's setgid bit.
  await listenOnSocket(server, place.socketPath, 0o660);
  return server;
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/plain" });
  response.write(`git host: ${status}\n`);
  endAfterBody(response.req, response);
}
