/** How fast one door may call the model API. Who comes too early waits in line; only a long wait is refused. Each door has its own line. */
export interface Pace {
  /** Resolves when it is the caller's turn, who then must `leave`; or with the seconds after which to come back; or when `gone` is aborted. */
  enter(gone: AbortSignal): Promise<{ entered: true; leave(): void } | { entered: false; retryAfterSeconds: number }>;
}

const minuteMs = 60_000;
/** Shorter than the agent's own limit for a request without an answer. */
const defaultPatienceMs = 20_000;

export function createPace(limits: { atOnce: number; perMinute: number; patienceMs?: number }): Pace {
  const { atOnce, perMinute, patienceMs = defaultPatienceMs } = limits;
  const startedAtMs: number[] = [];
  const line: (() => void)[] = [];
  let inUse = 0;
  let clock: NodeJS.Timeout | undefined;

  /** Until one more may start within the minute; 0: now. */
  const waitMs = () => {
    const nowMs = performance.now();
    while ((startedAtMs[0] ?? nowMs) <= nowMs - minuteMs) startedAtMs.shift();
    return startedAtMs.length < perMinute ? 0 : Math.max(1, (startedAtMs[0] ?? nowMs) + minuteMs - nowMs);
  };
  const advance = () => {
    while (line.length > 0 && inUse < atOnce && waitMs() === 0) {
      inUse += 1;
      startedAtMs.push(performance.now());
      line.shift()?.();
    }
    if (line.length === 0 || inUse >= atOnce || clock) return;
    clock = setTimeout(() => {
      clock = undefined;
      advance();
    }, waitMs());
  };

  return {
    async enter(gone) {
      const first = waitMs();
      if (first > patienceMs) return { entered: false, retryAfterSeconds: Math.ceil(first / 1_000) };
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const turn = () => resolve(true);
      line.push(turn);
      advance();
      const giveUp = () => {
        const at = line.indexOf(turn);
        if (at >= 0) line.splice(at, 1);
        resolve(false);
      };
      const patience = setTimeout(giveUp, patienceMs);
      if (gone.aborted) giveUp();
      gone.addEventListener("abort", giveUp, { once: true });
      const entered = await promise;
      clearTimeout(patience);
      gone.removeEventListener("abort", giveUp);
      if (!entered) return { entered: false, retryAfterSeconds: Math.max(5, Math.ceil(waitMs() / 1_000)) };
      let left = false;
      const leave = () => {
        if (left) return;
        left = true;
        inUse -= 1;
        advance();
      };
      return { entered: true, leave };
    },
  };
}
