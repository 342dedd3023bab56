import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { Fault } from "../fault.ts";
import { createBodyRoom } from "./body-room.ts";
import { type Receiver, receiveDelivery } from "./receive.ts";

export interface Serving extends AsyncDisposable {
  port: number;
}

/**
 * The App's one public server: the webhook on its path, pages on all others. Throws Fault "settings.PORT" where it cannot listen.
 * Disposing stops listening, then cuts what is still open: a live page would hold it for ever.
 */
export async function serve(options: {
  host: string;
  port: number;
  webhookPath: string;
  /** Undefined where deliveries are read from GitHub's log alone: the path is closed. */
  receiver: Receiver | undefined;
  pages: Hono;
  onFault(error: unknown, path: string | undefined): void;
}): Promise<Serving> {
  const room = createBodyRoom();
  const listener = getRequestListener(options.pages.fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    const handled =
      path !== options.webhookPath
        ? listener(request, response)
        : options.receiver
          ? receiveDelivery({ ...options.receiver, room }, request, response)
          : sayClosed(response);
    Promise.resolve(handled).catch((error: unknown) => {
      options.onFault(error, path);
      response.destroy();
    });
  });
  // Each holds memory, live pages included.
  server.maxConnections = 1_000;
  // A slow or silent client must not hold a connection for ever.
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 5_000;
  const port = await listen(server, options);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function sayClosed(response: ServerResponse): void {
  response.writeHead(404, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end("WEBHOOK_POLL=1: this Airlock reads its deliveries from GitHub's log and takes none here\n");
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (cause) {
    throw new Fault("settings.PORT", `Airlock cannot listen on ${host}:${port}`, {
      remedy: "Stop what uses that port, or set HOST and PORT",
      cause,
    });
  }
  return (server.address() as AddressInfo).port;
}
