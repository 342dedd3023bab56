import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

export interface FetchWish {
  url: URL;
  accept: string;
  limitBytes: number;
}

export type Fetched =
  | { at: "ok"; bytes: Buffer }
  /** The registry's own answer: 404, 410 and so on. */
  | { at: "status"; status: number }
  | { at: "too-large" }
  | { at: "away" };

export interface RegistryUpstream {
  /** One GET without credentials, cookies or anything of the agent's but the path. Redirects are not followed. */
  fetch(wish: FetchWish): Promise<Fetched>;
  close(): void;
}

const callMs = 120_000;

export function openRegistryUpstream(network: { proxyEnv?: Record<string, string>; extraCaPem?: string }): RegistryUpstream {
  const proxyEnv = network.proxyEnv ? { proxyEnv: network.proxyEnv } : {};
  const ca = network.extraCaPem ? { ca: [...rootCertificates, network.extraCaPem] } : {};
  const secure = new HttpsAgent({ keepAlive: true, maxSockets: 32, ...proxyEnv, ...ca });
  const plain = new HttpAgent({ keepAlive: true, maxSockets: 32, ...proxyEnv });
  return {
    async fetch({ url, accept, limitBytes }) {
      const { promise, resolve } = Promise.withResolvers<IncomingMessage | undefined>();
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const request = send(url, {
        agent: url.protocol === "https:" ? secure : plain,
        headers: { accept, "accept-encoding": "gzip, br", "user-agent": "airlock-registry" },
      });
      const clock = setTimeout(() => request.destroy(new Error("too slow")), callMs);
      request.on("response", resolve);
      request.on("error", () => resolve(undefined));
      request.end();
      try {
        const answer = await promise;
        if (!answer) return { at: "away" };
        if (answer.statusCode !== 200) {
          answer.resume();
          return { at: "status", status: answer.statusCode ?? 502 };
        }
        const chunks: Buffer[] = [];
        let seen = 0;
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          seen += chunk.length;
          if (seen > limitBytes) {
            request.destroy();
            return { at: "too-large" };
          }
          chunks.push(chunk);
        }
        return decode(Buffer.concat(chunks), answer.headers["content-encoding"], limitBytes);
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

/** A bomb stops at the limit. */
function decode(bytes: Buffer, encoding: string | undefined, limitBytes: number): Fetched {
  try {
    if (encoding === "gzip") return { at: "ok", bytes: gunzipSync(bytes, { maxOutputLength: limitBytes }) };
    if (encoding === "br") return { at: "ok", bytes: brotliDecompressSync(bytes, { maxOutputLength: limitBytes }) };
    return encoding === undefined || encoding === "identity" ? { at: "ok", bytes } : { at: "away" };
  } catch {
    return { at: "too-large" };
  }
}
