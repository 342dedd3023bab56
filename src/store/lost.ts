import type { PGlite, Transaction } from "@electric-sql/pglite";
import { Fault } from "../fault.ts";

/**
 * Sees when the embedded PostgreSQL gives up, as it does where its log of writes has no room left: what is asked of it after that never
 * comes back, and holds the whole process with it. So nothing is asked: every call fails at once. What was committed is on disk, and the
 * next start reads it. `onLost` is told once.
 */
export function guardDatabase(pglite: PGlite, folder: string, onLost: (fault: Fault) => void): { isLost(): boolean } {
  let lost: Fault | undefined;
  const heard = (error: unknown): never => {
    const { severity, message } = error as { severity?: string; message?: string };
    if (!lost && (severity === "PANIC" || severity === "FATAL")) {
      lost = storeLost(folder, message ?? "");
      onLost(lost);
    }
    throw error;
  };
  const { execProtocol, execProtocolStream, execProtocolRawSync, transaction } = pglite;
  pglite.execProtocol = (...asked) => execProtocol.apply(pglite, asked).catch(heard);
  pglite.execProtocolStream = (...asked) => execProtocolStream.apply(pglite, asked).catch(heard);
  // Kysely waits for ever for a transaction that does not begin. This one does, and fails with its first statement.
  pglite.transaction = async <T>(work: (begun: Transaction) => Promise<T>): Promise<T> => {
    let begun = false;
    try {
      const whole = transaction.call(pglite, (one) => {
        begun = true;
        return work(one);
      });
      return (await whole) as T;
    } catch (error) {
      if (!lost || begun) throw error;
      return await work(deadOf(lost));
    }
  };
  // The one place through which everything goes.
  pglite.execProtocolRawSync = (message) => {
    if (lost) throw lost;
    return execProtocolRawSync.call(pglite, message);
  };
  return { isLost: () => lost !== undefined };
}

function deadOf(lost: Fault): Transaction {
  const fail = () => Promise.reject(lost);
  return { query: fail, sql: fail, exec: fail, rollback: fail, listen: fail, closed: false };
}

export function storeLost(folder: string, words: string): Fault {
  const full = /No space left on device/.test(words);
  return new Fault(
    full ? "store.full" : "store.lost",
    full ? `There is no room left for the store in ${folder}` : `The store in ${folder} has ended: ${words.slice(0, 200)}`,
    {
      remedy: full
        ? "Make room on its disk and start Airlock again: nothing that was acknowledged is lost, and what was not is found again from GitHub"
        : "Start Airlock again; if it does not come back, restore the last backup",
    },
  );
}
