import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { fromPglite, PgBoss } from "pg-boss";
import { Fault } from "../fault.ts";
import { type Changes, createChanges } from "./changes.ts";
import { lockFolder, storeUnwritable } from "./lock.ts";
import { migrate } from "./migrations.ts";
import { openQueue, type Queue } from "./queue.ts";
import type { Schema } from "./schema.ts";

export interface Store extends AsyncDisposable {
  db: Kysely<Schema>;
  queue: Queue;
  changes: Changes;
}

/**
 * Opens the embedded store below `folder` and holds it alone. Throws Fault "store.unwritable", "store.held", "store.newer".
 * `onQueueError`: pg-boss reports failures of its background work by event; unheard, they would end the process.
 */
export async function openStore(options: { folder: string; onQueueError: (error: unknown) => void }): Promise<Store> {
  const folder = join(options.folder, "store");
  try {
    // PGlite makes its files 0666: the folder is the wall.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw storeUnwritable(folder, cause);
  }
  await using held = new AsyncDisposableStack();
  held.use(lockFolder(folder));
  const pglite = held.adopt(await openPglite(join(folder, "pg")), (db) => db.close());
  // Never db.destroy(): it would close PGlite under the queue.
  const db = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }) });
  await migrate(db);
  const boss = new PgBoss({
    db: fromPglite(pglite),
    backend: "pglite",
    useListenNotify: true,
    schedule: false,
    monitorVacuum: false,
    reindex: false,
  });
  boss.on("error", options.onQueueError);
  const queue = await openQueue(boss, db);
  held.defer(() => queue.stop());
  const kept = held.move();
  return { db, queue, changes: createChanges(), [Symbol.asyncDispose]: () => kept.disposeAsync() };
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
