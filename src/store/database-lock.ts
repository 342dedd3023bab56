import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { Fault } from "../fault.ts";
import type { Secret } from "../secret/secret.ts";

/** Any number that nobody else in this database uses. */
const key = 7_303_002;
const retryMs = 1_000;

/**
 * Takes a machine's name in a database for this App alone: of two under one name (a copied data folder), each would carry on with runs of
 * which it has nothing. The server lets go when the connection ends, however this process does. A connection that is lost is made
 * again. Throws Fault "store.held".
 */
export async function lockMachine({
  url,
  machine,
  onError,
}: {
  url: Secret;
  machine: string;
  onError: (error: unknown) => void;
}): Promise<AsyncDisposable> {
  const ending = new AbortController();
  let client = await take();
  if (!client)
    throw new Fault("store.held", "Another Airlock works under this machine's name on the database of DATABASE_URL", {
      remedy: "Stop the other one; where this data folder is a copy of another machine's, remove the file `machine` in it",
    });
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await client?.end().catch(() => {});
    },
  };

  async function take(): Promise<pg.Client | undefined> {
    const taking = new pg.Client({ connectionString: url.reveal(), application_name: "airlock-lock", keepAlive: true });
    taking.on("error", (error) => {
      onError(error);
      // Of one connection that is lost pg tells twice: of the error, and of its end. Two that take it again would each see the other's.
      if (taking === client) void takeAgain();
    });
    await taking.connect();
    const answer = await taking.query<{ taken: boolean }>("select pg_try_advisory_lock($1, hashtext($2)) as taken", [
      key,
      machine,
    ]);
    if (answer.rows[0]?.taken) return taking;
    await taking.end();
    return undefined;
  }

  async function takeAgain(): Promise<void> {
    client = undefined;
    while (!ending.signal.aborted && !client) {
      await wait(retryMs, undefined, { signal: ending.signal, ref: false }).catch(() => {});
      if (!ending.signal.aborted) client = await take().catch(() => undefined);
    }
    if (ending.signal.aborted) await client?.end().catch(() => {});
  }
}
