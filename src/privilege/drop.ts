import { readdirSync, readFileSync } from "node:fs";
import { findConfinementFault } from "./status.ts";

/** Leaves root for good, in a daemon's first lines, after all imports. Throws unless the kernel confirms it for every thread:
 *  then the daemon must not go on. `account` undefined: Airlock was not started as root, and being root now would be a mistake. */
export function dropToAccount(account: { uid: number; gid: number } | undefined): void {
  if (!account) {
    if (process.getuid?.() === 0) throw new Error("A daemon without an account must not run as root");
    return;
  }
  process.setgroups?.([]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
  for (const thread of readdirSync("/proc/self/task")) {
    const status = readStatus(thread);
    // A thread that ended meanwhile can do nothing; the main thread is always there.
    if (status === undefined && thread !== String(process.pid)) continue;
    const fault = findConfinementFault(status ?? "", account);
    if (fault) throw new Error(`The change of account did not hold: ${fault}`);
  }
}

function readStatus(thread: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${thread}/status`, "utf8");
  } catch {
    return undefined;
  }
}
