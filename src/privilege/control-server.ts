import { chmodSync, lstatSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** Answers one control request; false: there is no such thing here. */
export type ControlHandler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;

/** Listens on a control socket, 0600: only the App's uid and root can connect. Replaces what an earlier life left at that path. */
export async function serveControl(socketPath: string, handle: ControlHandler): Promise<Server> {
  const server = createServer((request, response) => {
    void answer(handle, request, response);
  });
  // Only the App connects here, and its calls may last as long as a fetch does.
  server.requestTimeout = 0;
  server.headersTimeout = 10_000;
  server.timeout = 0;
  await listenOnSocket(server, socketPath, 0o600);
  return server;
}

/** Binds a Unix socket so that at no moment it has a wider mode than the one asked for. */
export async function listenOnSocket(server: Server, socketPath: string, mode: number): Promise<void> {
  if (lstatSync(socketPath, { throwIfNoEntry: false })) rmSync(socketPath, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const before = process.umask(0o777 & ~mode);
  try {
    // The bind happens within this call, under this umask.
    server.listen(socketPath, resolve);
  } finally {
    process.umask(before);
  }
  await promise;
  server.off("error", reject);
  chmodSync(socketPath, mode);
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** Reads a whole body of at most `limitBytes`; undefined if it is longer. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let seen = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    seen += chunk.length;
    if (seen > limitBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function answer(handle: ControlHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "http://control");
    if (await handle(request, response, url)) return;
    answerJson(response, 404, { code: "control.unknown", message: `${request.method} ${url.pathname} is not known here` });
  } catch (error) {
    // The App is the only reader of this answer, and it needs the cause.
    const message = error instanceof Error ? error.message : String(error);
    if (!response.headersSent) answerJson(response, 500, { code: "control.failed", message });
    else response.destroy();
  }
}
