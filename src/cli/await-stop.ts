/** Ctrl-c and SIGTERM ask a command to end; the second one leaves at once. */
export function awaitStop(): { asked: Promise<void>; signal: AbortSignal; by(): NodeJS.Signals | undefined } {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let by: NodeJS.Signals | undefined;
  const hear = (signal: NodeJS.Signals) => {
    if (by) process.exit(130);
    by = signal;
    stop.abort();
    resolve();
  };
  process.on("SIGINT", hear).on("SIGTERM", hear);
  return { asked: promise, signal: stop.signal, by: () => by };
}
