import type { RunId } from "./identity.ts";

/** One row for each request that reached a run's gateway, allowed or not, and for what a firewall refused. Nothing that was refused is silent. */
export interface EvidenceRow {
  run: RunId;
  /** Counts from 1 within the run, without gaps. */
  seq: number;
  /** Epoch milliseconds at which the request's head had arrived. */
  atMs: number;
  door: "git" | "model" | "api" | "registry" | "connect" | "network" | "none";
  method: string;
  /** Path and query as received, cut to 512 characters; or host:port of a CONNECT; or what a firewalled run dialled or asked a name for. */
  target: string;
  verdict: "allowed" | "refused";
  /** For how many of the same the row stands; one where it is absent. */
  times?: number;
  /** Which rule decided: "git.run-repository", "model.messages", "default.refuse" … */
  rule: string;
  /** Bytes that the sandbox sent, and got, as bodies. */
  bytesIn: number;
  bytesOut: number;
  /** Status that the sandbox got; 0 where the connection broke before. */
  status: number;
  durationMs: number;
  /** Present on model calls whose answer told its usage. */
  usage?: ModelUsage;
  /** Over this row and the digest of the row before it; "" where the row did not follow what came before. See secret/chain.ts. */
  digest?: string;
}

/** As the Messages API counts them; cache reads and writes are not part of `inputTokens`. */
export interface ModelUsage {
  model: string;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
}

/** What a firewall or a resolver has refused so far, over the whole run: `times` only grows. */
export interface RefusedTotal {
  rule: NetworkRule;
  /** "TCP", "UDP", "DNS"; "" where it is not known. */
  method: string;
  /** "203.0.113.10:80", or a name. */
  target: string;
  times: number;
}

/** By which a firewalled run is refused something outside of its gateway. */
export const networkRules = [
  ...(["firewall.address", "firewall.other", "firewall.ipv6", "firewall.unread", "firewall.tampered"] as const),
  "resolver.name",
] as const;
export type NetworkRule = (typeof networkRules)[number];

/** As the target of a row that stands for all targets of its rule that are not named one by one. */
export const furtherTargets = "further ones";
