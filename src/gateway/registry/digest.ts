import { createHash } from "node:crypto";

/** What a file's bytes must hash to. */
export interface Digest {
  algorithm: "sha512" | "sha256" | "sha1";
  hex: string;
}

export function fits(bytes: Buffer, digest: Digest): boolean {
  return createHash(digest.algorithm).update(bytes).digest("hex") === digest.hex;
}

export function parseHexDigest(algorithm: Digest["algorithm"], hex: unknown): Digest | undefined {
  const length = { sha512: 128, sha256: 64, sha1: 40 }[algorithm];
  if (typeof hex !== "string" || hex.length !== length || !/^[0-9a-f]+$/i.test(hex)) return undefined;
  return { algorithm, hex: hex.toLowerCase() };
}

/** The strongest digest of an SRI text ("sha512-… sha1-…"). */
export function parseIntegrity(text: unknown): Digest | undefined {
  if (typeof text !== "string" || text.length > 1_024) return undefined;
  for (const algorithm of ["sha512", "sha256", "sha1"] as const) {
    const base64 = text
      .split(/\s+/)
      .find((part) => part.startsWith(`${algorithm}-`))
      ?.slice(algorithm.length + 1);
    const digest = base64 && parseHexDigest(algorithm, Buffer.from(base64.split("?")[0] ?? "", "base64").toString("hex"));
    if (digest) return digest;
  }
  return undefined;
}
