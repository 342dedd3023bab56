import { randomBytes } from "node:crypto";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { endAfterBody } from "../../privilege/linger.ts";
import type { GitConfig } from "./environment.ts";

/** A way from one git command to the App's transport. */
export interface Forward extends AsyncDisposable {
  url: string;
  /** To be given to that command: without it the port answers nothing. */
  config: GitConfig;
}

/** Git speaks only TCP: this listens on loopback (in the daemon's own network namespace) and hands on to a Unix socket. Where there is
 *  no namespace of our own, others on the machine could find the port; they lack the word, which is in no argument list. */
export async function openForward(transportSocket: string): Promise<Forward> {
  const word = randomBytes(16).toString("hex");
  const server = createServer((request, response) => {
    if (request.headers["airlock-forward"] !== word) {
      response.writeHead(403, { connection: "close" }).end();
      return;
    }
    handOn(transportSocket, request, response);
  });
  server.requestTimeout = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repository.git`,
    config: [["http.extraHeader", `Airlock-Forward: ${word}`]],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const handedOn = ["content-type", "content-encoding", "content-length", "git-protocol", "accept"];

function handOn(transportSocket: string, request: IncomingMessage, response: ServerResponse): void {
  // The far end must not close first: the last, empty write would then break an exchange that is already answered.
  const headers: Record<string, string> = { connection: "keep-alive" };
  for (const name of handedOn) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  const onward = httpRequest({ socketPath: transportSocket, agent: false, method: request.method, path: request.url, headers });
  onward.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response, { end: false });
    answer.on("end", () => endAfterBody(request, response));
    answer.on("error", () => response.destroy());
  });
  onward.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  response.on("close", () => onward.destroy());
  request.pipe(onward);
  onward.on("close", () => {
    request.unpipe(onward);
    // An answer may come before all was read: the rest is read here, or git waits for ever.
    request.resume();
  });
}
