import type { Socket } from "node:net";
import { areDialable } from "./addresses.ts";
import type { Internet } from "./internet.ts";

export type Dialled = { at: "connected"; socket: Socket } | { at: "private" } | { at: "away" };

/** No listed host needs more, and each may take its time. */
const mostAddresses = 4;

/** Resolves a name once, looks at every answer, and dials those very answers one after the other. Gives up when the signal is aborted. */
export async function dialHost(internet: Internet, host: string, signal: AbortSignal): Promise<Dialled> {
  const given = Promise.withResolvers<undefined>();
  const giveUp = () => given.resolve(undefined);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const answers = await Promise.race([internet.resolve(host).catch(() => undefined), given.promise]);
    if (!answers || signal.aborted) return { at: "away" };
    if (!areDialable(answers, internet.own())) return { at: "private" };
    for (const address of answers.slice(0, mostAddresses)) {
      const socket = await connectTo(internet, address, signal);
      if (socket) return { at: "connected", socket };
    }
    return { at: "away" };
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function connectTo(internet: Internet, address: string, signal: AbortSignal): Promise<Socket | undefined> {
  if (signal.aborted) return undefined;
  const socket = internet.dial(address, 443);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const giveUp = () => resolve(false);
  signal.addEventListener("abort", giveUp, { once: true });
  socket.once("connect", () => resolve(true));
  // Stays: whoever takes the socket learns of an error by its "close".
  socket.on("error", giveUp);
  const connected = await promise;
  signal.removeEventListener("abort", giveUp);
  if (connected) return socket;
  socket.destroy();
  return undefined;
}
