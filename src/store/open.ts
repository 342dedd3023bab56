import { join } from "node:path";
import type { Kysely } from "kysely";
import type { PgBoss } from "pg-boss";
import type { Secret } from "../secret/secret.ts";
import { type Changes, createChanges } from "./changes.ts";
import { ensureStoreFolder, openEmbedded } from "./embedded.ts";
import { lockFolder } from "./lock.ts";
import { migrate } from "./migrations.ts";
import { openPostgres } from "./postgres.ts";
import { openQueue, type Queue } from "./queue.ts";
import type { Schema } from "./schema.ts";
import { shareChanges } from "./shared-changes.ts";

export interface Store extends AsyncDisposable {
  db: Kysely<Schema>;
  queue: Queue;
  changes: Changes;
}

/** What differs between the embedded store and a server. The tables, the queries and the queue are the same. */
export interface Engine {
  db: Kysely<Schema>;
  boss: PgBoss;
  close(): Promise<void>;
}

export interface StoreWish {
  /** The data folder. It is held alone, also where the rows are on a server: keys, repositories and sockets are its own. */
  folder: string;
  /** A PostgreSQL server; absent, the embedded store below the folder. */
  databaseUrl?: Secret | undefined;
  /** pg-boss reports failures of its background work by event; unheard, they would end the process. */
  onQueueError: (error: unknown) => void;
}

/**
 * Opens the store and brings its schema forward. Throws Fault "store.unwritable", "store.held", "store.damaged", "store.newer",
 * "store.unavailable", "store.too-old".
 */
export async function openStore({ folder: data, databaseUrl, onQueueError }: StoreWish): Promise<Store> {
  const folder = join(data, "store");
  ensureStoreFolder(folder);
  await using held = new AsyncDisposableStack();
  held.use(lockFolder(folder));
  const { db, boss, close } = databaseUrl
    ? await openPostgres({ url: databaseUrl, onError: onQueueError })
    : await openEmbedded(folder);
  held.defer(close);
  await migrate(db);
  boss.on("error", onQueueError);
  const queue = await openQueue(boss, db);
  held.defer(() => queue.stop());
  const changes = createChanges();
  const hub = boss.getDb();
  const listen = databaseUrl && hub.listen?.bind(hub);
  if (listen) held.use(await shareChanges({ changes, db, listen, onError: onQueueError }));
  const kept = held.move();
  return { db, queue, changes, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
