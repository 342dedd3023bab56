import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { observeSize } from "../git/host/size.ts";
import { engineLabels } from "../run/identity.ts";
import type { Engine } from "../sandbox/engine.ts";

/** What Airlock itself has on the disk, of one kind. */
export interface Holding {
  kind: "store" | "bases" | "run repositories" | "packages" | "records" | "sandboxes" | "images";
  bytes: number;
  /** How many, where they can be counted. */
  count?: number;
}

/** Looks through everything: some hundred milliseconds where there is much. What cannot be read counts as nothing. */
export async function observeHoldings(of: { engine: Engine; instance: string; dataFolder: string }): Promise<Holding[]> {
  const below = (...names: string[]) => join(of.dataFolder, ...names);
  return [
    { kind: "store", bytes: await observeSize(below("store")) },
    { kind: "bases", ...(await measure(below("git", "bases"))) },
    { kind: "run repositories", ...(await measure(below("git", "runs"))) },
    { kind: "packages", ...(await measure(below("packages"))) },
    { kind: "records", bytes: await observeSize(below("spool")) },
    { kind: "sandboxes", ...(await measureSandboxes(of.engine, of.instance)) },
    { kind: "images", ...(await measureImages(of.engine)) },
  ];
}

async function measure(folder: string): Promise<{ bytes: number; count: number }> {
  const names = await readdir(folder).catch(() => []);
  return { bytes: await observeSize(folder), count: names.length };
}

/** Of open runs, and of those that wait: the disk of each is a file that takes what was written to it. */
async function measureSandboxes(engine: Engine, instance: string): Promise<{ bytes: number; count: number }> {
  const filters = JSON.stringify({ label: [`${engineLabels.instance}=${instance}`] });
  const { Volumes } = await engine.docker.listVolumes({ filters });
  let bytes = 0;
  for (const { Mountpoint } of Volumes ?? []) {
    const image = await stat(join(dirname(Mountpoint), "disk.img")).catch(() => undefined);
    bytes += image ? image.blocks * 512 : await observeSize(Mountpoint);
  }
  return { bytes, count: Volumes?.length ?? 0 };
}

/** Of every version that was built on this engine: other instances use them too. */
async function measureImages(engine: Engine): Promise<{ bytes: number; count: number }> {
  const filters = JSON.stringify({ label: [`${engineLabels.role}=sandbox-image`] });
  const images = await engine.docker.listImages({ filters });
  return { bytes: images.reduce((sum, { Size }) => sum + Size, 0), count: images.length };
}
