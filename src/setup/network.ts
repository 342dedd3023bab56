import { readFileSync } from "node:fs";
import { setGlobalProxyFromEnv } from "node:http";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { UpstreamNetwork } from "../git/upstream.ts";
import type { Settings } from "../settings.ts";

/**
 * Takes the operator's proxy and authorities for this process's own calls, whatever makes them; answers the same for those that are
 * made with agents of their own (transport, gateway).
 */
export function applyNetwork({ proxy }: Pick<Settings, "proxy">): UpstreamNetwork {
  const proxyEnv = proxy.https && { HTTPS_PROXY: proxy.https.reveal(), ...(proxy.no !== undefined && { NO_PROXY: proxy.no }) };
  const extraCaPem = proxy.extraCa === undefined ? undefined : readFileSync(proxy.extraCa, "utf8");
  if (proxyEnv) setGlobalProxyFromEnv(proxyEnv);
  if (extraCaPem) setDefaultCACertificates([...getCACertificates("default"), extraCaPem]);
  return { ...(proxyEnv && { proxyEnv }), ...(extraCaPem !== undefined && { extraCaPem }) };
}
