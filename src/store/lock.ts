import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Fault } from "../fault.ts";

/**
 * Takes the data folder for this process, or throws Fault "store.held", "store.unwritable". PGlite takes no lock of its own: two processes on one folder
 * silently lose acknowledged writes. The kernel's lock under sqlite's exclusive transaction goes with the process, however it dies.
 */
export function lockFolder(folder: string): Disposable {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock?.close();
    if ((cause as { errcode?: number }).errcode !== sqliteBusy) throw storeUnwritable(folder, cause);
    throw new Fault("store.held", `Another Airlock works in ${folder}`, {
      remedy: "Stop the other one, or give this one its own AIRLOCK_DATA folder",
      cause,
    });
  }
  const held = lock;
  return { [Symbol.dispose]: () => held.close() };
}

/** SQLITE_BUSY: somebody else holds the file. Everything else is a file or a disk that does not do. */
const sqliteBusy = 5;

export function storeUnwritable(folder: string, cause: unknown): Fault {
  return new Fault("store.unwritable", `Airlock cannot write to ${folder}`, {
    remedy: "Give its user write access, or set AIRLOCK_DATA to another folder",
    cause,
  });
}
