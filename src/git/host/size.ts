import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** What the smallest file takes on the disk, and a folder as well: a million names of an agent's are gigabytes, whatever stands in them. */
const smallestBytes = 4_096;

/** Bytes that all files and folders below a folder take. Files that vanish meanwhile count as nothing. */
export async function observeSize(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += smallestBytes + (await observeSize(path));
    else
      bytes += await lstat(path).then(
        (seen) => Math.max(seen.size, smallestBytes),
        () => 0,
      );
  }
  return bytes;
}
