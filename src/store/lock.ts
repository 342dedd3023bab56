import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../fault.ts";

/**
 * Takes the data folder for this process, or throws Fault "store.held". PGlite takes no lock of its own: two processes on one folder
 * silently lose acknowledged writes. The kernel's lock under sqlite's exclusive transaction goes with the process, however it dies.
 */
export function lockFolder(folder: string): Disposable {
  const lock = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    throw new Fault("store.held", `Another Airlock works in ${folder}`, {
      remedy: "Stop the other one, or give this one its own AIRLOCK_DATA folder",
      cause,
    });
  }
  return { [Symbol.dispose]: () => lock.close() };
}
