import type { Digest } from "./digest.ts";
import type { Fetched, RegistryUpstream } from "./upstream.ts";

/** One package's entry in its registry: what the client gets, and where each file is and what it hashes to. */
export interface PackageIndex {
  contentType: string;
  body: Buffer;
  files: ReadonlyMap<string, { url: URL; digest: Digest }>;
}

export type FoundIndex = { at: "ok"; index: PackageIndex } | Exclude<Fetched, { at: "ok" }> | { at: "malformed" };

export interface Indexes {
  /** From memory where it was read within five minutes, else from the registry. */
  find(wish: { key: string; url: URL; accept: string; parse: (bytes: Buffer) => PackageIndex | undefined }): Promise<FoundIndex>;
}

const freshMs = 300_000;
const indexLimitBytes = 64 * 1024 * 1024;
const keptBytes = 128 * 1024 * 1024;

export function createIndexes(upstream: RegistryUpstream, nowMs: () => number): Indexes {
  const kept = new Map<string, { atMs: number; index: PackageIndex }>();
  let bytes = 0;
  const drop = (key: string) => {
    bytes -= kept.get(key)?.index.body.length ?? 0;
    kept.delete(key);
  };
  return {
    async find({ key, url, accept, parse }) {
      const known = kept.get(key);
      if (known && nowMs() - known.atMs < freshMs) return { at: "ok", index: known.index };
      const fetched = await upstream.fetch({ url, accept, limitBytes: indexLimitBytes });
      if (fetched.at !== "ok") return fetched;
      const index = parse(fetched.bytes);
      if (!index) return { at: "malformed" };
      drop(key);
      kept.set(key, { atMs: nowMs(), index });
      bytes += index.body.length;
      for (const oldest of kept.keys()) {
        if (bytes <= keptBytes || oldest === key) break;
        drop(oldest);
      }
      return { at: "ok", index };
    },
  };
}
