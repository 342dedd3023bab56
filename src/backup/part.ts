import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** One file of an archive to be: its bytes are counted and digested as they come. */
export interface PartWriter {
  write(text: string | Uint8Array): Promise<void>;
  end(): Promise<{ bytes: number; sha256: string }>;
}

export async function openPart(path: string): Promise<PartWriter> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "wx", 0o600);
  const digest = createHash("sha256");
  let bytes = 0;
  return {
    async write(text) {
      const chunk = Buffer.from(text);
      digest.update(chunk);
      bytes += chunk.length;
      await file.appendFile(chunk);
    },
    async end() {
      await file.close();
      return { bytes, sha256: digest.digest("hex") };
    },
  };
}

/** A name that was given is on disk only when its folder is. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
