import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, fits } from "./digest.ts";

/** Files of all runs, each under the digest of its own bytes, so that nothing that one run asks for can stand where another run looks.
 *  Only what fits its digest goes in, and it is looked at again when it comes out. */
export interface FileCache {
  find(digest: Digest): Promise<Buffer | undefined>;
  put(digest: Digest, bytes: Buffer): Promise<void>;
}

export function openFileCache(folder: string, limitBytes: number): FileCache {
  const pathOf = (digest: Digest) => join(folder, `${digest.algorithm}-${digest.hex}`);
  // The first file of each life is a reason to look: what earlier ones put in together may be more than any of them did.
  let putBytes = limitBytes;
  return {
    async find(digest) {
      const bytes = await readFile(pathOf(digest)).catch(() => undefined);
      if (!bytes) return undefined;
      if (!fits(bytes, digest)) {
        await rm(pathOf(digest), { force: true });
        return undefined;
      }
      const now = new Date();
      await utimes(pathOf(digest), now, now).catch(() => {});
      return bytes;
    },
    async put(digest, bytes) {
      // SHA-1 can be made to collide: such files are checked and given, and not kept for others.
      if (!fits(bytes, digest) || digest.algorithm === "sha1") return;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const fresh = join(folder, `.${randomUUID()}`);
      await writeFile(fresh, bytes, { mode: 0o600, flag: "wx" });
      await rename(fresh, pathOf(digest));
      putBytes += bytes.length;
      // Looked over now and then, not at each file.
      if (putBytes < limitBytes / 16) return;
      putBytes = 0;
      await trim(folder, limitBytes);
    },
  };
}

/** Takes the files away that were used longest ago. */
async function trim(folder: string, limitBytes: number): Promise<void> {
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), seen: await stat(join(folder, name)).catch(() => undefined) })),
  );
  let total = 0;
  for (const { path, seen } of files.sort((a, b) => (b.seen?.mtimeMs ?? 0) - (a.seen?.mtimeMs ?? 0))) {
    total += seen?.size ?? 0;
    if (total > limitBytes) await rm(path, { force: true });
  }
}
