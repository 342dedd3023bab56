import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { Fault } from "../fault.ts";
import type { Secret } from "../secret/secret.ts";

/** Any number that nobody else in this database uses. */
const key = 7_303_002;
const retryMs = 1_000;

/**
 * Takes a database for this App alone: a run's sandbox, repository and token are on the machine that began it, and a second App would
 * carry on with runs of which it has nothing. The server lets go when the connection ends, however this process does. A connection
 * that is lost is made again. Throws Fault "store.held".
 */
export async function lockDatabase({
  url,
  onError,
}: {
  url: Secret;
  onError: (error: unknown) => void;
}): Promise<AsyncDisposable> {
  const ending = new AbortController();
  let client = await take();
  if (!client)
    throw new Fault("store.held", "Another Airlock works on the database of DATABASE_URL", {
      remedy: "Stop the other one, or give this one a database of its own",
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
      void takeAgain();
    });
    await taking.connect();
    const answer = await taking.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [key]);
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
  }
}
