import type { IncomingMessage, ServerResponse } from "node:http";
import { setPriority } from "node:os";
import { PassThrough, Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { execa } from "execa";
import { endAfterBody } from "../../privilege/linger.ts";
import { type BackendRequest, cgiEnvironment, parseCgiHead } from "./cgi.ts";
import { createListWatch } from "./command-list.ts";
import { backendAllocation, backendConfig, gitEnvironment } from "./environment.ts";

export interface ExchangeLimits {
  /** Largest pack that a push may bring. */
  maxInputBytes: number;
  /** Longest that one exchange may take. */
  exchangeMs: number;
}

export interface Exchange extends ExchangeLimits {
  folder: string;
  request: IncomingMessage;
  response: ServerResponse;
  wanted: BackendRequest;
}

/** A fetch's request is a list of names: git itself takes no more than 10 MiB of it. */
const fetchRequestBytes = 8 * 1024 * 1024;

/** One request by one `git http-backend`. Ends with the client, with the clock, or when a limit is passed: git and its children with it. */
export async function serveExchange(exchange: Exchange): Promise<void> {
  const { request, response, wanted } = exchange;
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "gzip") return answerPlain(response, 415, "unknown content encoding");
  const protocolV2 = request.headers["git-protocol"] === "version=2";
  const extra = {
    ...cgiEnvironment({ folder: exchange.folder, request: wanted, protocolV2 }),
    ...backendAllocation(wanted.service),
  };
  const child = execa("git", ["http-backend"], {
    extendEnv: false,
    env: gitEnvironment({ extra, config: backendConfig(exchange) }),
    cwd: exchange.folder,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    buffer: false,
    reject: false,
    // Its own process group, so that `receive-pack` and `index-pack` go with it.
    detached: true,
    cleanup: false,
  });
  // Neighbours come first: what a run asks of git is not held to its own share of the processors.
  if (child.pid !== undefined) lower(child.pid);
  let running = true;
  void child.then(() => {
    running = false;
  });
  const end = () => {
    if (!running) return;
    // SIGTERM first: git removes what it had begun to write.
    killGroup(child.pid, "SIGTERM");
    setTimeout(() => running && killGroup(child.pid, "SIGKILL"), 5_000).unref();
  };
  const clock = setTimeout(end, exchange.exchangeMs);
  response.on("close", end);
  try {
    const limitBytes = wanted.service === "git-receive-pack" ? exchange.maxInputBytes + 1024 * 1024 : fetchRequestBytes;
    const listIsTooLong = wanted.service === "git-receive-pack" ? createListWatch() : () => false;
    const fed = feed({ request, gzip: encoding === "gzip", limitBytes, listIsTooLong, stdin: child.stdin }).catch(
      (error: Error) => {
        // Git ended before it had read all (its own refusal is in its answer), or a limit was passed: then nothing more of this is heard.
        if (error instanceof BodyTooLong) answerPlain(response, 413, error.message);
        if (error instanceof BodyTooLong || request.destroyed) end();
      },
    );
    await relay(child.stdout, response);
    await fed;
  } finally {
    clearTimeout(clock);
    response.off("close", end);
    end();
    await child;
  }
}

/** For it and what it starts. */
function lower(pid: number): void {
  try {
    setPriority(pid, 10);
  } catch {
    // It has ended already.
  }
}

class BodyTooLong extends Error {}

async function feed(from: {
  request: IncomingMessage;
  gzip: boolean;
  limitBytes: number;
  listIsTooLong(bytes: Buffer): boolean;
  stdin: Writable;
}): Promise<void> {
  let seen = 0;
  // Counted after decompression: a small body may be a very large one.
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > from.limitBytes) done(new BodyTooLong(`the request is longer than ${from.limitBytes} bytes`));
      // Git moves no ref before it has the whole list and the pack behind it.
      else if (from.listIsTooLong(chunk)) done(new BodyTooLong("the push names more refs than a run may"));
      else done(null, chunk);
    },
  });
  // The request itself is no member of the pipeline, which would destroy its connection, and with it the answer that says why.
  const first = from.gzip ? createGunzip() : new PassThrough();
  from.request.pipe(first);
  from.request.once("close", () => {
    if (!from.request.complete) first.destroy();
  });
  try {
    await pipeline(first, count, from.stdin);
  } finally {
    from.request.unpipe(first);
    // What git no longer reads must still be read, or the sender waits for ever.
    from.request.resume();
  }
}

/** CGI answer to HTTP answer, with backpressure. http-backend writes its head before it has read the request, so the head waits for
 *  the first byte of the body: until then a refusal can still be told. */
async function relay(stdout: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
  let held: Buffer = Buffer.alloc(0);
  let relaying = false;
  for await (const chunk of stdout) {
    // Refused meanwhile: that answer ends by itself.
    if (response.headersSent && !relaying) return;
    if (relaying) {
      if (response.destroyed) return;
      if (!response.write(chunk)) await Promise.race([onceEvent(response, "drain"), onceEvent(response, "close")]);
      continue;
    }
    held = Buffer.concat([held, chunk]);
    const head = parseCgiHead(held);
    if (head === "more") continue;
    if (!head) return answerPlain(response, 500, "git answered without a head");
    if (held.length === head.bodyAt) continue;
    response.writeHead(head.status, head.headers);
    response.write(held.subarray(head.bodyAt));
    relaying = true;
  }
  if (relaying) endAfterBody(response.req, response);
  if (response.headersSent) return;
  const head = parseCgiHead(held);
  if (!head || head === "more") return answerPlain(response, 500, "git gave no answer");
  response.writeHead(head.status, head.headers);
  endAfterBody(response.req, response);
}

function onceEvent(response: ServerResponse, name: string): Promise<void> {
  return new Promise((resolve) => response.once(name, () => resolve()));
}

function answerPlain(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { "content-type": "text/plain" });
  response.write(`git host: ${text}\n`);
  endAfterBody(response.req, response);
}

function killGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone already.
  }
}
