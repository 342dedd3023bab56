import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of all files below a folder. Files that vanish meanwhile count as nothing. */
export async function observeSize(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await observeSize(path);
    else
      bytes += await lstat(path).then(
        (seen) => seen.size,
        () => 0,
      );
  }
  return bytes;
}
