import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { UpstreamNetwork } from "../../git/upstream.ts";
import { openOutside } from "../outside.ts";

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
const mostConnections = 32;

export function openRegistryUpstream(network: UpstreamNetwork): RegistryUpstream {
  const outside = openOutside(network, mostConnections);
  return {
    async fetch({ url, accept, limitBytes }) {
      const headers = { accept, "accept-encoding": "gzip, br", "user-agent": "airlock-registry" };
      const got = await outside.get(url, { headers, limitBytes, waitMs: callMs });
      if (got.at === "away") return got;
      if (got.status !== 200) return { at: "status", status: got.status };
      return got.at === "too-large" ? { at: got.at } : decode(got.body, got.headers["content-encoding"], limitBytes);
    },
    close: () => outside.close(),
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
