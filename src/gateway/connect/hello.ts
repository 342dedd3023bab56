import type { Socket } from "node:net";

/** Decided, or not to be decided before so many bytes are there. */
type Undecided = { at: "more"; needBytes: number };

export type StartRead<Decision> =
  | (Exclude<Decision, Undecided> & { bytes: Buffer })
  /** In time there was no whole one. */
  | { at: "late"; bytes: Buffer }
  | { at: "gone"; bytes: Buffer };

/** Reads what comes next from a socket until it is decided on. `first`: what came before. The socket is paused then, and nothing of it is lost. */
export async function readStart<Decision extends { at: string }>(of: {
  socket: Socket;
  first: Buffer;
  waitMs: number;
  decide(bytes: Buffer): Decision | Undecided;
}): Promise<StartRead<Decision>> {
  const { socket } = of;
  const { promise, resolve } = Promise.withResolvers<StartRead<Decision>>();
  let bytes = of.first;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let needBytes = 0;
  const take = (chunk: Buffer) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (bytes.length + pendingBytes < needBytes) return;
    bytes = Buffer.concat([bytes, ...pending]);
    pending = [];
    pendingBytes = 0;
    const decision = of.decide(bytes);
    if (isUndecided(decision)) needBytes = decision.needBytes;
    else {
      // Before anything else can come: it belongs to whoever reads next.
      socket.pause();
      resolve({ ...(decision as Exclude<Decision, Undecided>), bytes });
    }
  };
  const end = (at: "late" | "gone") => () => resolve({ at, bytes: Buffer.concat([bytes, ...pending]) });
  const [late, gone] = [end("late"), end("gone")];
  const clock = setTimeout(late, of.waitMs);
  socket.on("data", take);
  socket.on("end", gone);
  socket.on("close", gone);
  // An earlier read has paused it; this one does, where what came before is enough.
  socket.resume();
  if (bytes.length > 0) take(Buffer.alloc(0));
  if (socket.readableEnded || socket.destroyed) gone();
  const read = await promise;
  clearTimeout(clock);
  socket.off("data", take);
  socket.off("end", gone);
  socket.off("close", gone);
  return read;
}

function isUndecided(decision: { at: string }): decision is Undecided {
  return decision.at === "more";
}
