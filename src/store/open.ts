import { join } from "node:path";
import type { Kysely } from "kysely";
import type { PgBoss } from "pg-boss";
import type { Fault } from "../fault.ts";
import type { Secret } from "../secret/secret.ts";
import { assembleStore } from "./assemble.ts";
import type { Changes } from "./changes.ts";
import { ensureStoreFolder, openEmbedded } from "./embedded.ts";
import { demandNotMoved, placeRestored } from "./folder.ts";
import { ensureDatabase } from "./fresh-database.ts";
import { lockFolder, storeUnwritable } from "./lock.ts";
import { openSharedStore } from "./open-shared.ts";
import type { Queue } from "./queue.ts";
import type { Schema } from "./schema.ts";

export interface Store extends AsyncDisposable {
  db: Kysely<Schema>;
  queue: Queue;
  changes: Changes;
  /** Resolves when the embedded store serves no more, for as long as this process lives: only a new start reads it again. */
  lost: Promise<Fault>;
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
  /** Called before the schema of an embedded store that holds rows is changed; where it throws, nothing is. */
  backUp?: (db: Kysely<Schema>, next: string) => Promise<void>;
  /** pg-boss reports failures of its background work by event; unheard, they would end the process. */
  onQueueError: (error: unknown) => void;
}

/**
 * Opens the store and brings its schema forward. Throws Fault "store.unwritable", "store.held", "store.damaged", "store.newer", "store.full",
 * "store.moved", "store.unavailable", "store.too-old", and what `backUp` throws.
 */
export async function openStore(wish: StoreWish): Promise<Store> {
  return open(wish, { inPlace: false });
}

/** `inPlace`: a database that is missing is made and not copied. */
async function open(wish: StoreWish, { inPlace }: { inPlace: boolean }): Promise<Store> {
  const { folder: data, databaseUrl, onQueueError, backUp } = wish;
  const folder = join(data, "store");
  ensureStoreFolder(folder);
  await using held = new AsyncDisposableStack();
  held.use(lockFolder(folder));
  placeRestored(folder);
  if (!databaseUrl) demandNotMoved(folder);
  if (!databaseUrl && !inPlace) await layDatabase(folder);
  const lost = Promise.withResolvers<Fault>();
  const store = held.use(
    databaseUrl
      ? await openSharedStore({ url: databaseUrl, onError: onQueueError })
      : await assembleStore(await openEmbedded(folder, lost.resolve), { shared: false, backUp, onError: onQueueError }),
  );
  const kept = held.move();
  return { ...store, lost: lost.promise, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Puts an empty database of this version's tables into a store's folder. Does nothing where it cannot be copied from anywhere. */
export async function layDatabase(folder: string): Promise<void> {
  try {
    await ensureDatabase(join(folder, "pg"), async (data) => {
      const made = await open({ folder: data, onQueueError: () => {} }, { inPlace: true });
      await made[Symbol.asyncDispose]();
    });
  } catch (cause) {
    throw storeUnwritable(folder, cause);
  }
}
