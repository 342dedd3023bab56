import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openFileCache } from "../../../src/gateway/registry/cache.ts";
import type { Digest } from "../../../src/gateway/registry/digest.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "packages-"));
});
afterEach(() => rm(folder, { recursive: true }));

const limitBytes = 16_000;

function file(size = 1_000): { bytes: Buffer; digest: Digest } {
  const bytes = randomBytes(size);
  return { bytes, digest: { algorithm: "sha256", hex: createHash("sha256").update(bytes).digest("hex") } };
}

async function heldBytes(): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

describe("the cache of packages", () => {
  it("holds its bound however much is put in, and loses what was used longest ago", async () => {
    const cache = openFileCache(folder, limitBytes);
    const first = file();
    await cache.put(first.digest, first.bytes);
    for (let i = 0; i < 40; i++) {
      const { digest, bytes } = file();
      await cache.put(digest, bytes);
      const path = join(folder, `sha256-${digest.hex}`);
      // As if some time had gone by.
      await utimes(path, i + 1, i + 1).catch(() => {});
      expect(await cache.find(first.digest)).toEqual(first.bytes);
    }
    expect(await heldBytes()).toBeLessThanOrEqual(limitBytes + limitBytes / 16);
  });

  it("holds it over many short lives too", async () => {
    for (let i = 0; i < 40; i++) {
      const { digest, bytes } = file(900);
      await openFileCache(folder, limitBytes).put(digest, bytes);
    }
    expect(await heldBytes()).toBeLessThanOrEqual(limitBytes);
  });
});
