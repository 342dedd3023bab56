import { setTimeout as wait } from "node:timers/promises";
import type { RunId } from "../run/identity.ts";
import type { Reader } from "./view.ts";

/** Follows a run's changes. `next` may be left and asked again: a tick that came in between is not lost. */
export interface Ticks {
  /** "changed", or "waited" when nothing came for `waitMs`, or "closed" when no more will come. */
  next(waitMs: number): Promise<"changed" | "waited" | "closed">;
  [Symbol.dispose](): void;
}

/** Listens from this call on, so that what changes while the first reading goes on is not missed. */
export function openTicks(reader: Reader, run: RunId, signal: AbortSignal): Ticks {
  const own = new AbortController();
  const any = AbortSignal.any([signal, own.signal]);
  const iterator = reader.changes(run, any)[Symbol.asyncIterator]();
  const ask = () => iterator.next().then(({ done }) => (done ? ("closed" as const) : ("changed" as const)));
  let tick = quiet(ask());
  return {
    async next(waitMs) {
      const rest = new AbortController();
      const got = await Promise.race([tick, pause(waitMs, AbortSignal.any([any, rest.signal]))]);
      rest.abort();
      if (got === "changed") tick = quiet(ask());
      return any.aborted ? "closed" : got;
    },
    [Symbol.dispose]() {
      own.abort();
      // Not awaited: an iterator that is stuck must not hold up the shutdown.
      void iterator.return?.().catch(() => undefined);
    },
  };
}

/** Resolves after the time, or at once when the signal aborts; its timer goes with it. */
export async function pause(spanMs: number, signal: AbortSignal): Promise<"waited"> {
  await wait(spanMs, undefined, { signal }).catch(() => undefined);
  return "waited";
}

/** A failure is seen by whoever waits for it; when nobody does any more, it must not end the process. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
