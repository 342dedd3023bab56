import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import type { UpstreamNetwork } from "../git/upstream.ts";

/** What the gateway's fixed upstreams are reached by: one pool of connections, by the operator's proxy and authorities. Redirects are
 *  never followed here, and no cookie is kept. */
export interface Outside {
  /** Begins a request, whose body and answer are the caller's. */
  begin(url: URL, wish: { method: "GET" | "POST"; headers: Record<string, string> }): ClientRequest;
  /** One GET, its answer read whole. */
  get(url: URL, wish: WholeWish): Promise<Whole>;
  close(): void;
}

export interface WholeWish {
  headers: Record<string, string>;
  limitBytes: number;
  /** For all of it. */
  waitMs: number;
}

export type Whole =
  | { at: "answered"; status: number; headers: IncomingHttpHeaders; body: Buffer }
  | { at: "too-large"; status: number }
  /** Not reached, broken off, or too slow. */
  | { at: "away" };

/** `mostConnections`: to one host at once; by default as many as are asked for. */
export function openOutside({ proxyEnv, extraCaPem }: UpstreamNetwork, mostConnections = Number.POSITIVE_INFINITY): Outside {
  const options = { keepAlive: true, maxSockets: mostConnections, ...(proxyEnv && { proxyEnv }) };
  const secure = new HttpsAgent({ ...options, ...(extraCaPem && { ca: [...rootCertificates, extraCaPem] }) });
  const plain = new HttpAgent(options);
  const begin: Outside["begin"] = (url, wish) =>
    url.protocol === "https:" ? httpsRequest(url, { ...wish, agent: secure }) : httpRequest(url, { ...wish, agent: plain });
  return {
    begin,
    async get(url, { headers, limitBytes, waitMs }) {
      const { promise, resolve } = Promise.withResolvers<IncomingMessage | undefined>();
      const request = begin(url, { method: "GET", headers });
      const clock = setTimeout(() => request.destroy(new Error("too slow")), waitMs);
      request.on("response", resolve);
      request.on("error", () => resolve(undefined));
      request.end();
      try {
        const answer = await promise;
        if (!answer) return { at: "away" };
        const status = answer.statusCode ?? 502;
        const chunks: Buffer[] = [];
        let seen = 0;
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          seen += chunk.length;
          if (seen > limitBytes) {
            request.destroy();
            return { at: "too-large", status };
          }
          chunks.push(chunk);
        }
        return { at: "answered", status, headers: answer.headers, body: Buffer.concat(chunks) };
      } catch {
        return { at: "away" };
      } finally {
        clearTimeout(clock);
      }
    },
    close() {
      secure.destroy();
      plain.destroy();
    },
  };
}
