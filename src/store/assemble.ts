import { createChanges } from "./changes.ts";
import { migrate } from "./migrations.ts";
import type { Engine, Store, StoreWish } from "./open.ts";
import { openQueue } from "./queue.ts";
import { shareChanges } from "./shared-changes.ts";

export interface AssembleWish {
  /** Other processes work on the same rows. */
  shared: boolean;
  /** Before a migration of a store that holds rows. */
  backUp?: StoreWish["backUp"];
  onError: (error: unknown) => void;
}

/**
 * Brings an opened engine's schema forward, and puts queue and hints on it. Disposing
 * closes the engine as well.
 */
export async function assembleStore({ db, boss, close }: Engine, { shared, backUp, onError }: AssembleWish): Promise<Store> {
  await using held = new AsyncDisposableStack();
  held.defer(close);
  await migrate(db, { ...(backUp && { backUp: (next) => backUp(db, next) }) });
  boss.on("error", onError);
  const queue = await openQueue(boss, db);
  held.defer(() => queue.stop());
  const changes = createChanges();
  const hub = boss.getDb();
  const listen = shared && hub.listen?.bind(hub);
  if (listen) held.use(await shareChanges({ changes, db, listen, onError }));
  const kept = held.move();
  // Only the embedded engine lives in this process, and can end before it.
  return { db, queue, changes, lost: new Promise(() => {}), [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
