/** ◆ The two ends of git's CGI: what a request may be, and how an answer's head reads. */
import { parseRunId, type RunId } from "../../run/identity.ts";

export type Service = "git-upload-pack" | "git-receive-pack";

export interface BackendRequest {
  run: RunId;
  service: Service;
  /** The advertisement (GET info/refs), or the exchange itself (POST). */
  part: "refs" | "exchange";
}

/** Exactly the six requests of smart HTTP for one repository, byte for byte; undefined for anything else. */
export function parseBackendRequest(method: string | undefined, target: string | undefined): BackendRequest | undefined {
  const match = /^\/([a-z2-7]{16})\.git\/(?:info\/refs\?service=)?(git-upload-pack|git-receive-pack)$/.exec(target ?? "");
  const run = parseRunId(match?.[1]);
  if (!match || !run) return undefined;
  const part = target?.includes("?") ? "refs" : "exchange";
  if (method !== (part === "refs" ? "GET" : "POST")) return undefined;
  return { run, service: match[2] as Service, part };
}

/** The whole CGI environment: fixed but for these values. Nothing of the request's own headers gets in. */
export function cgiEnvironment(wish: { folder: string; request: BackendRequest; protocolV2: boolean }): Record<string, string> {
  const { run, service, part } = wish.request;
  return {
    GIT_PROJECT_ROOT: wish.folder,
    GIT_HTTP_EXPORT_ALL: "1",
    GATEWAY_INTERFACE: "CGI/1.1",
    REMOTE_USER: "agent",
    REMOTE_ADDR: "sandbox",
    REQUEST_METHOD: part === "refs" ? "GET" : "POST",
    PATH_INFO: part === "refs" ? `/${run}.git/info/refs` : `/${run}.git/${service}`,
    QUERY_STRING: part === "refs" ? `service=${service}` : "",
    CONTENT_TYPE: part === "refs" ? "" : `application/x-${service}-request`,
    ...(wish.protocolV2 ? { GIT_PROTOCOL: "version=2" } : {}),
  };
}

export interface CgiHead {
  status: number;
  headers: Record<string, string>;
  /** Where the body begins. */
  bodyAt: number;
}

/** Reads an answer's head; "more" while it is not complete, undefined if it is none. */
export function parseCgiHead(bytes: Buffer): CgiHead | "more" | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return bytes.length > 16_384 ? undefined : "more";
  const head: CgiHead = { status: 200, headers: {}, bodyAt: end + 4 };
  for (const line of bytes.toString("latin1", 0, end).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) return undefined;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") head.status = Number.parseInt(value, 10);
    else if (["content-type", "cache-control", "expires", "pragma"].includes(name)) head.headers[name] = value;
  }
  return head.status >= 200 && head.status <= 599 ? head : undefined;
}
