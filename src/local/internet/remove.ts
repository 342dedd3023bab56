import { rm } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";

const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/** The network namespace of the local internet that has this folder: the one tells the other. */
export function namespaceOf(folder: string): string {
  return `airlock-${path.basename(folder).split("-").at(-1)}`;
}

/** Ends what runs in a local internet's namespace and removes it, cables and folder too. For one whose process is gone. Idempotent. */
export async function removeLocalInternet(folder: string): Promise<void> {
  const name = namespaceOf(folder);
  const { stdout } = await execa("ip", ["netns", "pids", name], { env, extendEnv: false, reject: false });
  for (const pid of stdout.split("\n").filter((line) => /^\d+$/.test(line))) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // Gone in between.
    }
  }
  await execa("ip", ["netns", "del", name], { env, extendEnv: false, reject: false });
  await rm(folder, { recursive: true, force: true });
}
