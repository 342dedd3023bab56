import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { listenOnSocket } from "../privilege/control-server.ts";

/** The App's own door for commands on this machine. Mode 0600: who reaches it is the operator. The store's lock says that we are alone. */
export async function serveLocal(socketPath: string, app: Hono): Promise<AsyncDisposable> {
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  await listenOnSocket(server, socketPath, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      rmSync(socketPath, { force: true });
    },
  };
}
