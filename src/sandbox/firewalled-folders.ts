import { chmod, chown, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FirewallPlan } from "./firewall.ts";

/** Makes what the resolver reads, or brings it up to date. The folder stays the same: it is mounted. */
export async function writeNames(folder: string, plan: FirewallPlan): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  // No search domain of the host's: it tells where the host is.
  await writeFile(join(folder, "resolv.conf"), "nameserver 127.0.0.53\noptions timeout:2 attempts:2 ndots:1\n");
  await replace(join(folder, "names.json"), JSON.stringify(plan.names), 0o644);
}

/** Makes the folder in which the sandbox finds its one token, still without one. */
export async function makeGrantFolder(folder: string, { url, gid }: { url: string; gid: number }): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chown(folder, 0, gid);
  await chmod(folder, 0o750);
  await replace(join(folder, "host"), url.replace(/\/+$/, ""), 0o644);
}

/** The run's own group may read it, nobody else but root. By a file: neither an argument nor an environment of any process has it. */
export async function writeGrant(folder: string, { token, gid }: { token: string; gid: number }): Promise<void> {
  await replace(join(folder, "token"), token, 0o440, gid);
}

async function replace(path: string, text: string, mode: number, gid?: number): Promise<void> {
  const fresh = `${path}.new`;
  await writeFile(fresh, text, { mode: 0o600 });
  if (gid !== undefined) await chown(fresh, 0, gid);
  await chmod(fresh, mode);
  await rename(fresh, path);
}
