import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { fromPglite, PgBoss } from "pg-boss";
import { Fault } from "../fault.ts";
import { storeUnwritable } from "./lock.ts";
import type { Engine } from "./open.ts";
import type { Schema } from "./schema.ts";

/** PostgreSQL inside this process, in a folder that only it may have open. Throws Fault "store.unwritable", "store.damaged". */
export async function openEmbedded(folder: string): Promise<Engine> {
  const pglite = await openPglite(join(folder, "pg"));
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
    close: () => pglite.close(),
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

async function openPglite(folder: string): Promise<PGlite> {
  try {
    return await PGlite.create(folder);
  } catch (cause) {
    throw new Fault("store.damaged", `The embedded database in ${folder} does not open`, {
      remedy: "Restore the last backup; open runs and missed webhooks are found again from GitHub",
      cause,
    });
  }
}
