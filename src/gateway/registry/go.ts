/** ◆ Go modules. The module proxy fetches from the host that a path names: only what go.sum names is asked of it whole; the rest through
 *  its address that serves what it has and fetches nothing. */
import { createHash } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { escapeGo, type RegistryRequest } from "./request.ts";

export type GoRequest = Extract<RegistryRequest, { of: "go" }>;

/** `inSum`: whether the base's go.sum names this module at this version. */
export function goUrl(upstream: string, request: GoRequest, inSum: boolean): URL {
  const file =
    request.want === "latest"
      ? "@latest"
      : `@v/${"version" in request ? `${escapeGo(request.version)}.${request.want}` : "list"}`;
  return new URL(`${upstream}${inSum ? "" : "/cached-only"}/${escapeGo(request.name)}/${file}`);
}

/** The line of go.sum that speaks of what is asked. */
export function goSumKey(request: GoRequest): string | undefined {
  if (request.want === "zip") return `${request.name}@${request.version}`;
  return request.want === "mod" ? `${request.name}@${request.version}/go.mod` : undefined;
}

/** go.sum's "h1:" of a go.mod file. */
export function goModSum(bytes: Buffer): string {
  return h1([{ name: "go.mod", hex: sha256(bytes) }]);
}

/** go.sum's "h1:" of a module's zip; undefined where it is no zip that can be read within `limitBytes` unpacked. */
export function goZipSum(zip: Buffer, limitBytes: number): string | undefined {
  try {
    const files: { name: string; hex: string }[] = [];
    let unpacked = 0;
    const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
    if (end < 0) return undefined;
    const count = zip.readUInt16LE(end + 10);
    let at = zip.readUInt32LE(end + 16);
    for (let nth = 0; nth < count; nth++) {
      if (zip.readUInt32LE(at) !== 0x02014b50) return undefined;
      const method = zip.readUInt16LE(at + 10);
      const packedBytes = zip.readUInt32LE(at + 20);
      const plainBytes = zip.readUInt32LE(at + 24);
      const nameLength = zip.readUInt16LE(at + 28);
      const local = zip.readUInt32LE(at + 42);
      const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const packed = zip.subarray(start, start + packedBytes);
      unpacked += plainBytes;
      if (unpacked > limitBytes || (method !== 0 && method !== 8) || name.includes("\n")) return undefined;
      const plain = method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(1, plainBytes) });
      files.push({ name, hex: sha256(plain) });
      at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    }
    return h1(files);
  } catch {
    return undefined;
  }
}

function h1(files: { name: string; hex: string }[]): string {
  const sorted = files.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const hash = createHash("sha256");
  for (const { name, hex } of sorted) hash.update(`${hex}  ${name}\n`);
  return `h1:${hash.digest("base64")}`;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
