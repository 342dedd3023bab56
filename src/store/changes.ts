import type { RunId } from "../run/identity.ts";

/** Tells live pages that something of a run changed. A hint: whoever listens reads the store again. */
export interface Changes {
  touch(run: RunId): void;
  /** Ticks after each change, coalesced: a slow reader gets one tick for many changes. Ends with `signal`. */
  watch(run: RunId, signal: AbortSignal): AsyncIterable<void>;
  /** Ticks all who watch the run here, without telling other processes. No run: all who watch any. */
  tick(run?: RunId): void;
  /** From now on called with each touched run. */
  onTouch(tell: (run: RunId) => void): void;
  /** Has other processes look at the run. Where there are none, nobody does. */
  ask(run: RunId): void;
  /** From now on called with each run that another process asks to be looked at. */
  onAsked(look: (run: RunId) => void): void;
  /** Between processes: what `ask` is carried by, and what has come. */
  onAsk(carry: (run: RunId) => void): void;
  asked(run: RunId): void;
}

export function createChanges(): Changes {
  const listeners = new Map<RunId, Set<() => void>>();
  let tell = (_run: RunId) => {};
  let carry = (_run: RunId) => {};
  let look = (_run: RunId) => {};
  const tick = (run?: RunId) => {
    for (const set of run === undefined ? listeners.values() : [listeners.get(run) ?? []]) for (const listener of set) listener();
  };
  return {
    tick,
    touch(run) {
      tick(run);
      tell(run);
    },
    onTouch(given) {
      tell = given;
    },
    ask: (run) => carry(run),
    asked: (run) => look(run),
    onAsk(given) {
      carry = given;
    },
    onAsked(given) {
      look = given;
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
