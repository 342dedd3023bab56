import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";

export interface ApiAnswer {
  at: "answered" | "away" | "too-large";
  status: number;
  contentType: string;
  /** Of a redirect; it is never given to a sandbox. */
  location?: string;
  body: Buffer;
}

export interface ApiUpstream {
  apiUrl: string;
  /** `path` below the API's address with the token, or a whole `url` without one. */
  get(wish: { path?: string; url?: URL; accept: string; token?: string; limitBytes: number }): Promise<ApiAnswer>;
  close(): void;
}

const callMs = 60_000;

export function openApiUpstream(
  apiUrl: string,
  network: { proxyEnv?: Record<string, string>; extraCaPem?: string },
): ApiUpstream {
  const proxyEnv = network.proxyEnv ? { proxyEnv: network.proxyEnv } : {};
  const ca = network.extraCaPem ? { ca: [...rootCertificates, network.extraCaPem] } : {};
  const secure = new HttpsAgent({ keepAlive: true, ...proxyEnv, ...ca });
  const plain = new HttpAgent({ keepAlive: true, ...proxyEnv });
  return {
    apiUrl,
    async get({ path = "", url = new URL(`${apiUrl}${path}`), accept, token, limitBytes }) {
      const failed = (at: "away" | "too-large"): ApiAnswer => ({ at, status: 0, contentType: "", body: Buffer.alloc(0) });
      const { promise, resolve } = Promise.withResolvers<IncomingMessage | undefined>();
      const headers = { accept, "user-agent": "airlock", ...(token && { authorization: `Bearer ${token}` }) };
      const https = url.protocol === "https:";
      const request = (https ? httpsRequest : httpRequest)(url, { agent: https ? secure : plain, headers });
      const clock = setTimeout(() => request.destroy(new Error("too slow")), callMs);
      request.on("response", resolve);
      request.on("error", () => resolve(undefined));
      request.end();
      try {
        const answer = await promise;
        if (!answer) return failed("away");
        const chunks: Buffer[] = [];
        let seen = 0;
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          seen += chunk.length;
          if (seen > limitBytes) {
            request.destroy();
            return failed("too-large");
          }
          chunks.push(chunk);
        }
        const { location } = answer.headers;
        const contentType = answer.headers["content-type"] ?? "application/octet-stream";
        return {
          at: "answered",
          status: answer.statusCode ?? 502,
          contentType,
          ...(location && { location }),
          body: Buffer.concat(chunks),
        };
      } catch {
        return failed("away");
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
