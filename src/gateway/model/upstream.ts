import { createHash } from "node:crypto";
import type { ClientRequest } from "node:http";
import type { UpstreamNetwork } from "../../git/upstream.ts";
import { openOutside } from "../outside.ts";
import type { ModelCredential } from "./headers.ts";
import { openProviderLimit, type ProviderLimit } from "./limit.ts";

export interface ModelSettings extends UpstreamNetwork {
  /** Where the Messages API is; a path in it is kept as a prefix. */
  baseUrl: string;
  credential: ModelCredential;
}

export interface ModelUpstream {
  credential: ModelCredential;
  /** Of this credential. */
  limit: ProviderLimit;
  /** Begins a POST. `path` comes from the route table, never from the request. */
  open(call: { path: string; headers: Record<string, string> }): ClientRequest;
  close(): void;
}

function digestOf({ value }: ModelCredential): string {
  return createHash("sha256").update(value).digest("hex").slice(0, 16);
}

/** The one place that a model call can go to. `limitFile`: where the provider's limit is kept over the process's end. */
export function openModelUpstream(settings: ModelSettings, limitFile?: string): ModelUpstream {
  const outside = openOutside(settings);
  const base = settings.baseUrl.replace(/\/$/, "");
  return {
    credential: settings.credential,
    limit: openProviderLimit(limitFile === undefined ? undefined : { file: limitFile, keyDigest: digestOf(settings.credential) }),
    open: ({ path, headers }) => outside.begin(new URL(`${base}${path}`), { method: "POST", headers }),
    close: () => outside.close(),
  };
}
