import { chownSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenOnSocket } from "../privilege/control-server.ts";
import { endAfterBody } from "../privilege/linger.ts";
import { decidePush, type PushAllowance } from "./push-command.ts";
import { type PushReport, parsePushReport } from "./push-report.ts";
import { openUpstream, type UpstreamNetwork } from "./upstream.ts";

export interface TransportWish {
  /** At most 107 bytes. Made 0600 and given to `owner`, who must be able to enter its folder. */
  socketPath: string;
  owner: { uid: number; gid: number } | undefined;
  /** "https://github.com", or loopback in tests; no path but a prefix. */
  upstream: string;
  /** "owner/name.git" */
  repositoryPath: string;
  /** Asked for each request; never leaves this process but to the upstream. */
  token: () => string;
  allow: { kind: "fetch" /** Of one answer. */; limitBytes?: number } | ({ kind: "push" } & PushAllowance);
  network?: UpstreamNetwork;
  /** Aborting closes the transport and whatever goes through it. */
  signal?: AbortSignal;
}

/** One duty's way to one repository on GitHub, for a git that has no network and no token. */
export interface Transport extends AsyncDisposable {
  socketPath: string;
  /** What the far end said of the push; undefined while no push got as far as an answer. */
  report(): PushReport | undefined;
  /** The last answer of the far end that was no success, with the token taken out. 0: it could not be reached. */
  failure(): { status: number; message: string } | undefined;
  /** An answer was longer than the fetch allows, and was broken off. */
  overran(): boolean;
  /** What it was asked for and did not let pass, in order: of our own git host, so each is a sign that something is wrong there. */
  refusals(): readonly string[];
}

/** The first ones say enough. */
const mostRefusals = 100;

/** Opens it; dispose to close. Lets through only the two requests of its kind, and of a push only exactly the allowed one. */
export async function openTransport(wish: TransportWish): Promise<Transport> {
  const told: { report?: PushReport; failure?: { status: number; message: string }; overran?: true } = {};
  const service = wish.allow.kind === "fetch" ? "git-upload-pack" : "git-receive-pack";
  const paths = { refs: `/repository.git/info/refs?service=${service}`, exchange: `/repository.git/${service}` };
  const upstream = openUpstream({
    ...wish,
    onFailure: (failure) => {
      told.failure = failure;
    },
  });

  const refusals: string[] = [];
  const refuse = (response: ServerResponse, why: string) => {
    if (refusals.length < mostRefusals) refusals.push(why);
    answerRefused(response, why);
  };
  const server = createServer((request, response) => {
    response.on("error", () => {});
    const headers: Record<string, string> = { accept: "*/*" };
    // Version 2 is for reading; a push is spoken in version 0.
    if (service === "git-upload-pack" && request.headers["git-protocol"] === "version=2") headers["git-protocol"] = "version=2";
    if (request.method === "GET" && request.url === paths.refs) {
      upstream.send({ method: "GET", path: `/info/refs?service=${service}`, headers, response });
      return;
    }
    const type = `application/x-${service}-request`;
    const encoding = request.headers["content-encoding"];
    const encodingFits = encoding === undefined || (encoding === "gzip" && service === "git-upload-pack");
    if (
      request.method !== "POST" ||
      request.url !== paths.exchange ||
      request.headers["content-type"] !== type ||
      !encodingFits
    ) {
      return refuse(response, `${request.method} is not part of this ${wish.allow.kind}`);
    }
    headers["content-type"] = type;
    headers.accept = `application/x-${service}-result`;
    if (encoding) headers["content-encoding"] = encoding;
    if (wish.allow.kind === "fetch") {
      const { limitBytes: bytes } = wish.allow;
      const tell = () => {
        told.overran = true;
      };
      const limit = bytes === undefined ? {} : { limit: { bytes, tell } };
      request.pipe(upstream.send({ method: "POST", path: `/${service}`, headers, response, ...limit }));
      return;
    }
    const allowed = wish.allow;
    passPush({ request, allowed, refuse: (why) => refuse(response, why) }, (kind) =>
      upstream.send({
        method: "POST",
        path: `/${service}`,
        headers,
        response,
        onBody: (body) => {
          if (kind === "push") told.report = parsePushReport(body, allowed.ref);
        },
      }),
    );
  });
  server.requestTimeout = 0;
  server.headersTimeout = 10_000;
  await listenOnSocket(server, wish.socketPath, 0o600);
  if (wish.owner) chownSync(wish.socketPath, wish.owner.uid, wish.owner.gid);

  const close = async () => {
    wish.signal?.removeEventListener("abort", close);
    upstream.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    rmSync(wish.socketPath, { force: true });
  };
  wish.signal?.addEventListener("abort", close);
  if (wish.signal?.aborted) await close();
  return {
    ...{ socketPath: wish.socketPath, report: () => told.report, failure: () => told.failure, refusals: () => refusals },
    overran: () => told.overran === true,
    [Symbol.asyncDispose]: close,
  };
}

/** Holds a push back until its command list is read and found to be the allowed one; only then the upstream hears of it. */
function passPush(
  push: { request: IncomingMessage; allowed: PushAllowance; refuse(why: string): void },
  open: (kind: "probe" | "push") => NodeJS.WritableStream,
): void {
  const { request, allowed, refuse } = push;
  let held = Buffer.alloc(0);
  const look = (ended: boolean) => {
    const decision = decidePush(held, ended, allowed);
    if (decision.at === "more") return;
    request.off("data", take).off("end", onEnd);
    if (decision.at === "refuse") {
      return refuse(decision.why);
    }
    const onward = open(decision.at === "probe" ? "probe" : "push");
    onward.write(held);
    if (ended) onward.end();
    else request.pipe(onward);
  };
  const take = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    // The first chunk may already be long: what counts is that the head is found in its first part.
    if (held.length >= 4) look(false);
  };
  const onEnd = () => look(true);
  request.on("data", take).on("end", onEnd);
}

function answerRefused(response: ServerResponse, why: string): void {
  response.writeHead(403, { "content-type": "text/plain" });
  response.write(`Airlock's transport refused this: ${why}\n`);
  endAfterBody(response.req, response);
}
