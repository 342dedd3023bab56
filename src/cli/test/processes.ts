import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Trace, TraceSources } from "./leftovers.ts";

/** Processes that run the checkout's code: those of our own accounts, and commands that the tests have started. None where there is no /proc. */
export async function observeProcesses(sources: TraceSources): Promise<Trace[]> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(ids.map((id) => observeProcess(id, sources)));
  return found.filter((trace) => trace !== undefined);
}

async function observeProcess(id: string, { root, temporaryFolder, place }: TraceSources): Promise<Trace | undefined> {
  const line = await read(`/proc/${id}/cmdline`);
  if (!line.includes(join(root, "src/"))) return undefined;
  const name = `process ${id} (${line.split("\0").join(" ").trim().slice(0, 160)})`;
  // A command: somebody else's, unless it works in the folder that only the tests know.
  if (line.includes(join(root, "src/airlock.ts"))) {
    const ours = `${line}${await read(`/proc/${id}/environ`)}`.includes(temporaryFolder);
    return ours ? { name, instance: undefined } : undefined;
  }
  // One of our own processes writes its log into the folder of the instance that it serves.
  const log = await readlink(`/proc/${id}/fd/2`).catch(() => "");
  const sockets = place.runtimeFolder.slice(0, -place.instance.length);
  return { name, instance: log.startsWith(sockets) ? log.slice(sockets.length).split("/")[0] : undefined };
}

/** What is gone by now was not left behind. */
async function read(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}
