import { readFile, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Met } from "../run/met.ts";
import { type Controller, findGroupFolder, readCount } from "./cgroup.ts";
import type { Engine } from "./engine.ts";
import { inspect, type SandboxHandle } from "./sandboxes.ts";

/** What the kernel says of a sandbox: counters since its start, and how its disk is now. */
export interface Reading {
  forksRefused: number;
  oomKills: number;
  periods: number;
  throttledPeriods: number;
  /** Absent where it is no file system of its own: then it says nothing about this run. */
  disk?: { bytes: number; freeBytes: number; files: number; freeFiles: number };
}

/** Reads what the kernel counts, from the host: what the agent prints has no part in it. Never throws: what is gone is not read. */
export interface Gauge {
  read(): Promise<Reading>;
}

/** Of a sandbox that runs or has run. The counters go with its last process; the disk stays until it is removed. */
export async function openGauge(engine: Engine, handle: SandboxHandle): Promise<Gauge> {
  const seen = await inspect(engine, handle.containerId);
  const folder = seen?.Mounts.find(({ Type, Destination }) => Type === "volume" && Destination === "/work")?.Source;
  const files = seen?.State.Pid ? await findFiles(seen.State.Pid) : {};
  const text = async (file: string | undefined) => (file === undefined ? "" : await readFile(file, "utf8").catch(() => ""));
  return {
    async read() {
      const [pids, memory, cpu, disk] = await Promise.all([
        text(files.pids),
        text(files.memory),
        text(files.cpu),
        folder === undefined ? undefined : readDisk(folder).catch(() => undefined),
      ]);
      return {
        forksRefused: readCount(pids, "max"),
        oomKills: readCount(memory, "oom_kill"),
        periods: readCount(cpu, "nr_periods"),
        throttledPeriods: readCount(cpu, "nr_throttled"),
        ...(disk && { disk }),
      };
    },
  };
}

/** Thirty seconds, in periods of the scheduler's (100 ms): a short build at full speed is no news. */
const fewestPeriods = 300;

/** Pure. Which limits it has met. A disk counts as full at a thousandth: what is refused is larger than what is left. */
export function decideMet({ forksRefused, oomKills, periods, throttledPeriods, disk }: Reading): Met[] {
  const met: Met[] = [];
  if (oomKills > 0) met.push("memory");
  if (forksRefused > 0) met.push("processes");
  if (disk && disk.freeBytes <= disk.bytes / 1_000) met.push("disk");
  if (disk && disk.files > 0 && disk.freeFiles <= disk.files / 1_000) met.push("inodes");
  if (periods >= fewestPeriods && throttledPeriods >= periods * 0.8) met.push("cpus");
  return met;
}

async function findFiles(pid: number): Promise<Partial<Record<Controller, string>>> {
  try {
    const [group, mounts] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, "utf8"),
      readFile("/proc/self/mountinfo", "utf8"),
    ]);
    const at = async (controller: Controller, ...names: string[]) => {
      const folder = findGroupFolder(controller, group, mounts);
      for (const name of folder === undefined ? [] : names) {
        const file = join(folder as string, name);
        if (await stat(file).then(...isThere)) return { [controller]: file };
      }
      return {};
    };
    // Version 2 first: there each event has a file of its own.
    return {
      ...(await at("pids", "pids.events")),
      ...(await at("memory", "memory.events", "memory.oom_control")),
      ...(await at("cpu", "cpu.stat")),
    };
  } catch {
    // It has ended meanwhile.
    return {};
  }
}

const isThere = [() => true, () => false] as const;

async function readDisk(folder: string): Promise<Reading["disk"]> {
  const [own, above] = await Promise.all([stat(folder), stat(dirname(folder))]);
  if (own.dev === above.dev) return undefined;
  const { blocks, bavail, bsize, files, ffree } = await statfs(folder);
  return { bytes: blocks * bsize, freeBytes: bavail * bsize, files, freeFiles: ffree };
}
