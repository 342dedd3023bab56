import { randomBytes } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { PgBoss } from "pg-boss";
import { parseRunId } from "../run/identity.ts";
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
  /** What is to be said: that a run changed, or (with a "?") that somebody else should look at it. */
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let sending = Promise.resolve();
  const send = () => {
    timer = undefined;
    const notes = [...waiting].map((word) => `${me} ${word}`);
    waiting.clear();
    sending = sql`select pg_notify(${channel}, note) from unnest(${notes}::text[]) as note`.execute(db).then(() => {}, onError);
  };
  const say = (word: string) => {
    waiting.add(word);
    timer ??= setTimeout(send, coalesceMs);
  };
  changes.onTouch(say);
  changes.onAsk((run) => say(`${run}?`));
  const hear = (note: string) => {
    const [from, word = ""] = note.split(" ");
    const run = parseRunId(word.replace("?", ""));
    if (from === me || !run) return;
    if (word.endsWith("?")) changes.asked(run);
    else changes.tick(run);
  };
  const listening = await parts.listen(channel, hear, () => changes.tick());
  return {
    [Symbol.asyncDispose]: async () => {
      changes.onTouch(() => {});
      changes.onAsk(() => {});
      clearTimeout(timer);
      await sending;
      await listening.close();
    },
  };
}
