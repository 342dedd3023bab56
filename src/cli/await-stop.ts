/** One press of ctrl-c may arrive twice: once from the terminal, once from a wrapper that hands it on. */
const onePressMs = 700;

/** Ctrl-c and SIGTERM ask a command to end; a second one, later, leaves at once. */
export function awaitStop(): { asked: Promise<void>; signal: AbortSignal; by(): NodeJS.Signals | undefined } {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let by: NodeJS.Signals | undefined;
  let firstAtMs = 0;
  const hear = (signal: NodeJS.Signals) => {
    if (by && Date.now() - firstAtMs < onePressMs) return;
    if (by) process.exit(130);
    by = signal;
    firstAtMs = Date.now();
    stop.abort();
    resolve();
  };
  process.on("SIGINT", hear).on("SIGTERM", hear);
  return { asked: promise, signal: stop.signal, by: () => by };
}
