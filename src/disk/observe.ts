import { stat, statfs } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { DiskUse } from "../run/full.ts";
import type { Engine } from "../sandbox/engine.ts";

/** Sees how full the file systems are that hold the data folder and the engine's images and volumes; one entry where both are on one. */
export function createDiskObserver(of: { dataFolder: string; engine: Engine }): () => Promise<DiskUse[]> {
  let engineFolder: string | undefined;
  return async () => {
    engineFolder ??= await findEngineFolder(of.engine);
    return observeDisks({ data: of.dataFolder, engine: engineFolder });
  };
}

export async function observeDisks(folders: { data: string; engine: string | undefined }): Promise<DiskUse[]> {
  const disks = new Map<number, DiskUse>();
  for (const holds of ["data", "engine"] as const) {
    const path = folders[holds];
    if (path === undefined) continue;
    // An engine's folder that this process may not see is the engine's to look after.
    const dev = await stat(path).then(
      (seen) => seen.dev,
      (error: unknown) => (holds === "data" ? Promise.reject(error) : undefined),
    );
    if (dev === undefined) continue;
    const known = disks.get(dev);
    disks.set(dev, known ? { ...known, of: [...known.of, holds] } : { of: [holds], path, ...(await measure(path)) });
  }
  return [...disks.values()];
}

async function measure(path: string): Promise<Pick<DiskUse, "usedBytes" | "availableBytes">> {
  const { blocks, bfree, bavail, bsize } = await statfs(path);
  return { usedBytes: (blocks - bfree) * bsize, availableBytes: bavail * bsize };
}

/** Undefined while the engine does not answer: it is asked again at the next look. */
async function findEngineFolder(engine: Engine): Promise<string | undefined> {
  try {
    const info = await Promise.race([engine.docker.info(), wait(2_000, undefined, { ref: false })]);
    return (info as { DockerRootDir?: string } | undefined)?.DockerRootDir;
  } catch {
    return undefined;
  }
}
