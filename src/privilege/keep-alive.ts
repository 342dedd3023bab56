import { setTimeout as wait } from "node:timers/promises";

const lookEveryMs = 500;
const longestWaitMs = 30_000;

/**
 * Looks whether a process lives, and revives it where it does not, until this is disposed of. Failing revivals are tried at growing
 * spans, for ever: without the process no run gets on, and whoever sees to the machine may mend it at any time.
 */
export function keepAlive(parts: {
  isAlive(): boolean;
  /** Answers "replaced" where nobody is to be revived: its place was taken away, or given to another. */
  revive(): Promise<"revived" | "replaced">;
  /** Told of each revival; `error`: of one that failed. */
  onRevival(error?: unknown): void;
}): AsyncDisposable {
  const ending = new AbortController();
  const keeping = (async () => {
    let failures = 0;
    while (!ending.signal.aborted) {
      const spanMs = Math.min(lookEveryMs * 2 ** failures, longestWaitMs);
      // Unreferenced: looking after a process must not keep ours from ending.
      await wait(spanMs, undefined, { signal: ending.signal, ref: false }).catch(() => {});
      if (ending.signal.aborted || parts.isAlive()) continue;
      try {
        if ((await parts.revive()) === "replaced") return;
        failures = 0;
        parts.onRevival();
      } catch (error) {
        failures += 1;
        parts.onRevival(error);
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      ending.abort();
      await keeping;
    },
  };
}
