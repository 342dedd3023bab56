import type { RunId } from "./identity.ts";

/** One row for each request that reached a run's gateway, allowed or not. Nothing that was refused is silent. */
export interface EvidenceRow {
  run: RunId;
  /** Counts from 1 within the run, without gaps. */
  seq: number;
  /** Epoch milliseconds at which the request's head had arrived. */
  atMs: number;
  door: "git" | "model" | "api" | "registry" | "connect" | "none";
  method: string;
  /** Path and query as received, cut to 512 characters; or host:port of a CONNECT. */
  target: string;
  verdict: "allowed" | "refused";
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
