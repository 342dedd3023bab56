import type { UpstreamNetwork } from "../../git/upstream.ts";
import { openOutside } from "../outside.ts";

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

export function openApiUpstream(apiUrl: string, network: UpstreamNetwork): ApiUpstream {
  const outside = openOutside(network);
  return {
    apiUrl,
    async get({ path = "", url = new URL(`${apiUrl}${path}`), accept, token, limitBytes }) {
      const headers = { accept, "user-agent": "airlock", ...(token && { authorization: `Bearer ${token}` }) };
      const got = await outside.get(url, { headers, limitBytes, waitMs: callMs });
      if (got.at !== "answered") return { at: got.at, status: 0, contentType: "", body: Buffer.alloc(0) };
      const { location } = got.headers;
      const contentType = got.headers["content-type"] ?? "application/octet-stream";
      return { at: "answered", status: got.status, contentType, ...(location && { location }), body: got.body };
    },
    close: () => outside.close(),
  };
}
