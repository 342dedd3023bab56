/** ◆ npm's packuments: files point back at the gateway, and only those at the registry itself with a digest are served. */
import { type Digest, parseHexDigest, parseIntegrity } from "./digest.ts";
import type { PackageIndex } from "./index.ts";
import { fileOriginOf, insideUrl } from "./settings.ts";

export const npmAccept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8";

export function npmUrl(upstream: string, name: string): URL {
  return new URL(`${upstream}/${name.replace("/", "%2f")}`);
}

export function parsePackument(upstream: string, name: string, bytes: Buffer): PackageIndex | undefined {
  const packument = parseRecord(bytes);
  if (packument?.name !== name || typeof packument.versions !== "object" || packument.versions === null) return undefined;
  const files = new Map<string, { url: URL; digest: Digest }>();
  const versions: Record<string, unknown> = {};
  for (const [version, entry] of Object.entries(packument.versions as Record<string, Record<string, unknown>>)) {
    const dist = entry?.dist as Record<string, unknown> | undefined;
    const url = URL.parse(String(dist?.tarball));
    const digest = parseIntegrity(dist?.integrity) ?? parseHexDigest("sha1", dist?.shasum);
    const file = url?.pathname.slice(url.pathname.lastIndexOf("/") + 1) ?? "";
    // Without either the version does not exist here: it could not be checked, or lies somewhere else.
    if (!url || !digest || url.origin !== fileOriginOf(upstream) || url.search !== "") continue;
    files.set(file, { url, digest });
    versions[version] = { ...entry, dist: { ...dist, tarball: `${insideUrl}/npm/${name}/-/${file}` } };
  }
  const body = Buffer.from(JSON.stringify({ ...packument, versions }));
  return { contentType: "application/json", body, files };
}

export function parseRecord(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
