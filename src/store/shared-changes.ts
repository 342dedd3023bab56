import { randomBytes } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { PgBoss } from "pg-boss";
import type { RunId } from "../run/identity.ts";
import type { Changes } from "./changes.ts";
import type { Schema } from "./schema.ts";

const channel = "airlock_changes";
/** An agent that writes fast touches its run hundreds of times a second; a page needs a few. */
const coalesceMs = 100;

/**
 * Carries hints between the processes that share a database, by NOTIFY. One that gets lost costs nothing but time: after a reconnection
 * everybody who watches is ticked. `onError`: of a notification that could not be sent.
 */
export async function shareChanges(parts: {
  changes: Changes;
  db: Kysely<Schema>;
  listen: NonNullable<ReturnType<PgBoss["getDb"]>["listen"]>;
  onError: (error: unknown) => void;
}): Promise<AsyncDisposable> {
  const { changes, db, onError } = parts;
  const me = randomBytes(6).toString("hex");
  const waiting = new Set<RunId>();
  let timer: NodeJS.Timeout | undefined;
  let sending = Promise.resolve();
  const send = () => {
    timer = undefined;
    const runs = [...waiting];
    waiting.clear();
    const notes = runs.map((run) => `${me} ${run}`);
    sending = sql`select pg_notify(${channel}, note) from unnest(${notes}::text[]) as note`.execute(db).then(() => {}, onError);
  };
  changes.onTouch((run) => {
    waiting.add(run);
    timer ??= setTimeout(send, coalesceMs);
  });
  const hear = (note: string) => {
    const [from, run] = note.split(" ");
    if (from !== me && run) changes.tick(run as RunId);
  };
  const listening = await parts.listen(channel, hear, () => changes.tick());
  return {
    [Symbol.asyncDispose]: async () => {
      changes.onTouch(() => {});
      clearTimeout(timer);
      await sending;
      await listening.close();
    },
  };
}
