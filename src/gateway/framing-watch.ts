import type { Server } from "node:http";
import type { Socket } from "node:net";
import { createFramingReader, type FramingFault } from "./framing.ts";

/** What is odd about the bodies of one connection. */
export interface Framing {
  fault(): FramingFault | undefined;
  /** Called at once where something odd comes, before the parser has seen it. */
  onFault(tell: (fault: FramingFault) => void): void;
}

/** Reads along on every connection of a server. `forget`: what comes on it is not HTTP any more. */
export function watchFraming(server: Server): { of(socket: Socket): Framing; forget(socket: Socket): void } {
  const watched = new WeakMap<Socket, Framing & { stop(): void }>();
  server.on("connection", (socket) => {
    const read = createFramingReader();
    let fault: FramingFault | undefined;
    let tell: (fault: FramingFault) => void = () => {};
    const listen = (bytes: Buffer) => {
      if (fault) return;
      fault = read(bytes);
      if (fault) tell(fault);
    };
    // Before the parser's own listener, which with this one is fed by events and not by the socket's handle.
    socket.prependListener("data", listen);
    watched.set(socket, {
      fault: () => fault,
      onFault(listener) {
        tell = listener;
      },
      stop: () => socket.off("data", listen),
    });
  });
  return {
    of: (socket) => watched.get(socket) ?? nothingOdd,
    forget: (socket) => watched.get(socket)?.stop(),
  };
}

const nothingOdd: Framing = { fault: () => undefined, onFault: () => {} };
