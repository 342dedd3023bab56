import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { writeArchive } from "../../src/backup/archive.ts";
import type { Manifest } from "../../src/backup/manifest.ts";
import { runId, sha } from "./store.ts";

/** An archive without rows: two repositories, whose packs are any bytes. */
export async function makeWorkArchive(folder: string, file: string, change: Partial<Manifest> = {}): Promise<Manifest> {
  const draft = join(folder, "draft");
  const work = ["one", "two"].map((name) => ({
    ...{ run: runId(name), head: "main", refs: [{ name: "refs/heads/main", sha: sha("a") }], commits: [] },
    spent: { microUsd: 1, tokens: 2 },
  }));
  const parts: Manifest["parts"] = [];
  for (const [at, { run }] of work.entries()) {
    const name = `work/${run}.pack`;
    const bytes = Buffer.alloc(700 + at, `pack of ${run} `);
    await mkdir(dirname(join(draft, name)), { recursive: true });
    await writeFile(join(draft, name), bytes);
    parts.push({ name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
  }
  const head = { airlock: "backup", format: 1, version: "0.1.0", madeAtMs: 1_000, key: "0".repeat(32) } as const;
  const manifest: Manifest = { ...head, work, parts, ...change };
  await writeArchive(draft, { manifest, manifestText: JSON.stringify(manifest), mark: "00" }, file);
  return manifest;
}

/** A tar's entries as they lie in the file: header and content, filled up to whole blocks. */
export function splitTar(gzipped: Buffer): Buffer[] {
  const tar = gunzipSync(gzipped);
  const entries: Buffer[] = [];
  for (let at = 0; tar[at] !== 0; ) {
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8);
    const end = at + 512 + Math.ceil(size / 512) * 512;
    entries.push(tar.subarray(at, end));
    at = end;
  }
  return entries;
}

export function joinTar(entries: Buffer[]): Buffer {
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1_024)]));
}

/** The entry with its header changed, and the header's sum made right again. */
export function changeHeader(entry: Buffer, change: (header: Buffer) => void): Buffer {
  const changed = Buffer.from(entry);
  change(changed.subarray(0, 512));
  changed.fill(0x20, 148, 156);
  const sum = changed.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return changed;
}
