import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type ServerResponse } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import { endAfterBody } from "../privilege/linger.ts";

/** How this process reaches the outside: the operator's proxy and extra authorities. */
export interface UpstreamNetwork {
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY as the operator set them. */
  proxyEnv?: Record<string, string>;
  /** Of authorities that are trusted beside the usual ones. */
  extraCaPem?: string;
}

export interface UpstreamCall {
  method: "GET" | "POST";
  /** Below the repository. */
  path: string;
  headers: Record<string, string>;
  /** Gets the answer. */
  response: ServerResponse;
  /** Where a successful answer is longer than `bytes`, it is broken off, and `tell` called. */
  limit?: { bytes: number; tell(): void };
  /** Gets the first 64 KiB of a successful answer's body when it has ended, or when it broke off. */
  onBody?: (body: Buffer) => void;
}

export interface Upstream {
  /** Begins a request; a POST's body is to be written to what is returned. */
  send(call: UpstreamCall): ClientRequest;
  close(): void;
}

const keptBytes = 65_536;

/** GitHub's smart HTTP of one repository, with the token. Redirects are not followed: the token is for this host. */
export function openUpstream(wish: {
  upstream: string;
  repositoryPath: string;
  token: () => string;
  network?: UpstreamNetwork;
  onFailure: (failure: { status: number; message: string }) => void;
}): Upstream {
  const origin = new URL(wish.upstream);
  const secure = origin.protocol === "https:";
  const proxyEnv = wish.network?.proxyEnv ? { proxyEnv: wish.network.proxyEnv } : {};
  const ca = wish.network?.extraCaPem ? { ca: [...rootCertificates, wish.network.extraCaPem] } : {};
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, ...proxyEnv, ...ca })
    : new HttpAgent({ keepAlive: true, ...proxyEnv });
  const prefix = origin.pathname.replace(/\/$/, "");

  function send(call: UpstreamCall): ClientRequest {
    const token = wish.token();
    const credential = Buffer.from(`x-access-token:${token}`).toString("base64");
    const scrub = (text: string) => text.replaceAll(token, "[token]").replaceAll(credential, "[token]");
    const { response } = call;
    const request = (secure ? httpsRequest : httpRequest)({
      agent,
      protocol: origin.protocol,
      hostname: origin.hostname.replace(/^\[|\]$/g, ""),
      port: origin.port || (secure ? 443 : 80),
      method: call.method,
      path: `${prefix}/${wish.repositoryPath}${call.path}`,
      headers: { ...call.headers, "user-agent": "git/airlock", authorization: `Basic ${credential}` },
    });
    const fail = (status: number, message: string) => {
      wish.onFailure({ status, message: scrub(message).slice(0, 1_024) });
      if (response.headersSent) return void response.destroy();
      response.writeHead(status === 0 ? 502 : status >= 300 && status < 400 ? 502 : status, {
        "content-type": "text/plain",
      });
      response.write(`${scrub(message).slice(0, 1_024)}\n`);
      endAfterBody(response.req, response);
    };
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (!response.writableEnded) fail(0, `GitHub could not be reached (${error.code ?? "connection broken"})`);
    });
    response.on("close", () => request.destroy());
    request.on("close", () => {
      response.req.unpipe(request);
      response.req.resume();
    });
    request.on("response", (answer) => {
      const kept: Buffer[] = [];
      let size = 0;
      answer.on("data", (chunk: Buffer) => {
        if (size < keptBytes) kept.push(chunk.subarray(0, keptBytes - size));
        size += chunk.length;
        if (!call.limit || size <= call.limit.bytes || response.destroyed) return;
        call.limit.tell();
        response.destroy();
      });
      const body = () => Buffer.concat(kept);
      if (answer.statusCode !== 200) {
        const redirect = (answer.statusCode ?? 0) >= 300 && (answer.statusCode ?? 0) < 400;
        answer.on("close", () =>
          fail(
            answer.statusCode ?? 0,
            redirect ? "GitHub redirected: the repository may have moved" : body().toString("utf8").trim(),
          ),
        );
        return;
      }
      answer.on("close", () => call.onBody?.(body()));
      response.writeHead(200, {
        "content-type": answer.headers["content-type"] ?? "application/octet-stream",
        "cache-control": "no-cache",
      });
      answer.pipe(response, { end: false });
      answer.on("end", () => endAfterBody(response.req, response));
      answer.on("error", () => response.destroy());
    });
    if (call.method === "GET") request.end();
    return request;
  }
  return { send, close: () => agent.destroy() };
}
