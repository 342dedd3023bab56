import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import type { ModelCredential } from "./headers.ts";

export interface ModelSettings {
  /** Where the Messages API is; a path in it is kept as a prefix. */
  baseUrl: string;
  credential: ModelCredential;
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY as the operator set them. */
  proxyEnv?: Record<string, string>;
  /** Of authorities that are trusted beside the usual ones. */
  extraCaPem?: string;
}

export interface ModelUpstream {
  credential: ModelCredential;
  /** Begins a POST. `path` comes from the route table, never from the request. */
  open(call: { path: string; headers: Record<string, string> }): ClientRequest;
  close(): void;
}

/** The one place that a model call can go to. */
export function openModelUpstream(settings: ModelSettings): ModelUpstream {
  const base = new URL(settings.baseUrl);
  const secure = base.protocol === "https:";
  const proxyEnv = settings.proxyEnv ? { proxyEnv: settings.proxyEnv } : {};
  const ca = settings.extraCaPem ? { ca: [...rootCertificates, settings.extraCaPem] } : {};
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, ...proxyEnv, ...ca })
    : new HttpAgent({ keepAlive: true, ...proxyEnv });
  const prefix = base.pathname.replace(/\/$/, "");
  return {
    credential: settings.credential,
    open: ({ path, headers }) =>
      (secure ? httpsRequest : httpRequest)({
        agent,
        protocol: base.protocol,
        hostname: base.hostname.replace(/^\[|\]$/g, ""),
        port: base.port || (secure ? 443 : 80),
        method: "POST",
        path: `${prefix}${path}`,
        headers,
      }),
    close: () => agent.destroy(),
  };
}
