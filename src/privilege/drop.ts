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
    const fault = findConfinementFault(readFileSync(`/proc/self/task/${thread}/status`, "utf8"), account);
    if (fault) throw new Error(`The change of account did not hold: ${fault}`);
  }
}
