import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What one request looked like when it reached the far end. Credentials are shown as a digest, so that tests can compare but not leak them. */
export interface SeenRequest {
  atMs: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  /** The right key was in a credential header. */
  sawKey: boolean;
  /** SHA-256 in hex, and size, of the body as it came. */
  bodyDigest: string;
  bodyBytes: number;
  model: string | undefined;
  tools: string[];
  messages: number;
  /** 0 while the answer is under way. */
  status: number;
}

const credentialHeaders = new Set(["authorization", "x-api-key", "proxy-authorization", "cookie"]);
const mostKept = 1_000;

/** Keeps the last thousand requests, oldest first. */
export function createRequestList() {
  const kept: SeenRequest[] = [];
  return {
    add(seen: SeenRequest): void {
      kept.push(seen);
      if (kept.length > mostKept) kept.shift();
    },
    all: (): SeenRequest[] => structuredClone(kept),
  };
}

export function maskHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const shown = Object.entries(headers).map(([name, value]) => {
    const text = Array.isArray(value) ? value.join(", ") : (value ?? "");
    return [name, credentialHeaders.has(name) ? `sha256:${digest(text).slice(0, 16)}` : text];
  });
  return Object.fromEntries(shown) as Record<string, string>;
}

/** The API takes its key in either header; Claude Code uses the second for OAuth tokens. */
export function hasKey(headers: IncomingHttpHeaders, key: string): boolean {
  const bearer = /^bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const apiKey = headers["x-api-key"];
  return [bearer, Array.isArray(apiKey) ? apiKey[0] : apiKey].some((given) => given !== undefined && same(given, key));
}

export function digest(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function same(given: string, key: string): boolean {
  return timingSafeEqual(Buffer.from(digest(given)), Buffer.from(digest(key)));
}
