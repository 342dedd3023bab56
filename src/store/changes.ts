import type { RunId } from "../run/identity.ts";

/** Tells live pages that something of a run changed. A hint: whoever listens reads the store again. */
export interface Changes {
  touch(run: RunId): void;
  /** Ticks after each change, coalesced: a slow reader gets one tick for many changes. Ends with `signal`. */
  watch(run: RunId, signal: AbortSignal): AsyncIterable<void>;
}

export function createChanges(): Changes {
  const listeners = new Map<RunId, Set<() => void>>();
  return {
    touch(run) {
      for (const listener of listeners.get(run) ?? []) listener();
    },
    async *watch(run, signal) {
      let fresh = false;
      let wake = () => {};
      const listener = () => {
        fresh = true;
        wake();
      };
      const mine = listeners.get(run) ?? new Set();
      listeners.set(run, mine.add(listener));
      signal.addEventListener("abort", listener);
      try {
        while (!signal.aborted) {
          if (!fresh)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          fresh = false;
          if (!signal.aborted) yield;
        }
      } finally {
        signal.removeEventListener("abort", listener);
        mine.delete(listener);
        if (mine.size === 0) listeners.delete(run);
      }
    },
  };
}
