import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import Docker from "dockerode";
import { engineLabels } from "../../run/identity.ts";

/** What there is of Airlock's on this machine, each thing by a name that a person can look for. */
export type Traces = Set<string>;

export interface TraceSources {
  /** Undefined where there is no engine to ask. */
  engineSocket: string | undefined;
  /** The temporary folder that the tests were given for themselves. */
  temporaryFolder: string;
  /** The checkout: processes that run its code are ours. */
  root: string;
}

/** Looks only. Compare one from before the tests with one from after: `before` may hold what another Airlock is doing. */
export async function observeTraces(sources: TraceSources): Promise<Traces> {
  const found = await Promise.all([
    observeEngine(sources.engineSocket),
    list(sources.temporaryFolder, "folder"),
    list("/run/airlock", "sockets"),
    observeProcesses(sources.root),
  ]);
  return new Set(found.flat());
}

async function observeEngine(socketPath: string | undefined): Promise<string[]> {
  if (socketPath === undefined) return [];
  const docker = new Docker({ socketPath });
  const label = [engineLabels.instance, engineLabels.run, engineLabels.role];
  // The engine joins several labels by "and", so each is asked for by itself.
  const answers = await Promise.all(
    label.map(async (each) => {
      const [containers, { Volumes }] = await Promise.all([
        docker.listContainers({ all: true, filters: { label: [each] } }),
        docker.listVolumes({ filters: { label: [each] } }),
      ]);
      return [
        ...containers.map((container) => `container ${container.Names[0]?.slice(1) ?? container.Id}`),
        ...(Volumes ?? []).map((volume) => `volume ${volume.Name}`),
      ];
    }),
  );
  return answers.flat();
}

/** Caches that tools keep in the temporary folder by themselves. */
const caches = new Set(["node-compile-cache", "tsx-0", "v8-compile-cache-0"]);

async function list(folder: string, what: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !caches.has(name)).map((name) => `${what} ${join(folder, name)}`);
  } catch {
    // A folder that is not there holds nothing.
    return [];
  }
}

async function observeProcesses(root: string): Promise<string[]> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(
    ids.map(async (id) => ({ id, line: await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "") })),
  );
  return lines
    .filter(({ line }) => line.includes(join(root, "src/")) || /airlock-(gateway|git)/.test(line))
    .map(({ id, line }) => `process ${id} (${line.split("\0").join(" ").trim().slice(0, 160)})`);
}
