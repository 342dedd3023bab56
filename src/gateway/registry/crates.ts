/** ◆ crates.io's sparse index: one JSON line a version, with the checksum of its file. */
import { type Digest, parseHexDigest } from "./digest.ts";
import type { PackageIndex } from "./index.ts";
import { canonicalName } from "./known.ts";
import { parseRecord } from "./npm.ts";
import { crateIndexPath } from "./request.ts";
import { fileOriginOf, insideUrl } from "./settings.ts";

export const cratesConfig = JSON.stringify({ dl: `${insideUrl}/crates/dl/{crate}/{version}`, api: null });

export function cratesUrl(upstream: string, path: string): URL {
  return new URL(`${upstream}/${path}`);
}

/** Where a crate's entry may lie: its name is written with "-" or "_", and only one of them exists. */
export function crateIndexPaths(canonical: string): string[] {
  return [...new Set([canonical, canonical.replaceAll("-", "_")])].map(crateIndexPath);
}

export function parseSparseEntry(upstream: string, name: string, bytes: Buffer): PackageIndex | undefined {
  const files = new Map<string, { url: URL; digest: Digest }>();
  const lines: string[] = [];
  for (const line of bytes.toString("utf8").split("\n")) {
    if (line === "") continue;
    const entry = parseRecord(Buffer.from(line));
    const digest = parseHexDigest("sha256", entry?.cksum);
    if (!entry || !digest || typeof entry.name !== "string" || typeof entry.vers !== "string") return undefined;
    if (canonicalName("crates", entry.name) !== name || !/^[0-9A-Za-z.+-]{1,120}$/.test(entry.vers)) return undefined;
    const url = new URL(`${fileOriginOf(upstream)}/crates/${entry.name}/${entry.name}-${entry.vers}.crate`);
    files.set(entry.vers, { url, digest });
    lines.push(JSON.stringify(entry));
  }
  return { contentType: "text/plain", body: Buffer.from(`${lines.join("\n")}\n`), files };
}
