import { accessSync, constants, mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { fromPglite, PgBoss } from "pg-boss";
import { Fault } from "../fault.ts";
import { storeUnwritable } from "./lock.ts";
import { guardDatabase, storeLost } from "./lost.ts";
import type { Engine } from "./open.ts";
import type { Schema } from "./schema.ts";

/**
 * PostgreSQL inside this process, in a folder that only it may have open. `onLost`: it serves no more, and everything that is asked of it
 * fails. Throws Fault "store.unwritable", "store.damaged", "store.full".
 */
export async function openEmbedded(folder: string, onLost: (fault: Fault) => void): Promise<Engine> {
  const pglite = await openPglite(join(folder, "pg"));
  const guard = guardDatabase(pglite, folder, onLost);
  return {
    // Never db.destroy(): it would close PGlite under the queue.
    db: new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }) }),
    boss: new PgBoss({
      db: fromPglite(pglite),
      backend: "pglite",
      useListenNotify: true,
      schedule: false,
      monitorVacuum: false,
      reindex: false,
    }),
    close: async () => {
      if (!guard.isLost()) await pglite.close();
    },
  };
}

/** Makes the folder that holds the store, for its owner alone. Throws Fault "store.unwritable". */
export function ensureStoreFolder(folder: string): void {
  try {
    // PGlite makes its files 0666: the folder is the wall.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw storeUnwritable(folder, cause);
  }
}

/** PostgreSQL's own 128 MB of buffers would be written full of zeros at each start. What is not in these is in the machine's cache. */
const startParams = ["-c", "shared_buffers=16MB", "-c", "wal_buffers=4MB"];

/** It begins by writing: its log of writes comes in pieces of this size. */
const leastRoomBytes = 16 * 1024 * 1024;

async function openPglite(folder: string): Promise<PGlite> {
  // By default V8 optimises half of PostgreSQL anew in each process, one function of it in 600 MB: three seconds of a core, and no query of
  // ours ends sooner for it.
  setFlagsFromString("--no-wasm-tier-up");
  setFlagsFromString("--no-wasm-dynamic-tiering");
  // Nor need it look through all of it first: the package is pinned, and each function is looked at when it is first called.
  setFlagsFromString("--wasm-lazy-validation");
  try {
    return await PGlite.create(folder, { startParams: [...PGlite.defaultStartParams, ...startParams] });
  } catch (cause) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < leastRoomBytes) throw storeLost(folder, "No space left on device");
    throw new Fault("store.damaged", `The embedded database in ${folder} does not open`, {
      remedy: "./airlock restore FILE --replace puts a backup in its place; what came since is found again from GitHub",
      cause,
    });
  }
}
