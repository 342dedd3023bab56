import type { IncomingMessage, ServerResponse } from "node:http";

const drainBytes = 64 * 1024 * 1024;
const drainMs = 3_000;

/** Ends an early answer, whose whole body was written already, only when the rest of the request
 *  was read and thrown away. A Unix socket that is closed with unread bytes resets the other side, which then never reads the answer and,
 *  being an agent, asks ten times more. Gives up on a client that sends for over 3 s or 64 MiB. */
export function endAfterBody(request: IncomingMessage, response: ServerResponse): void {
  const end = () => {
    clearTimeout(clock);
    if (!response.writableEnded) response.end();
  };
  const clock = setTimeout(end, drainMs);
  clock.unref();
  if (request.complete || request.destroyed) {
    end();
    return;
  }
  let seen = 0;
  request.on("data", (chunk: Buffer) => {
    seen += chunk.length;
    if (seen > drainBytes) end();
  });
  request.on("end", end);
  request.on("close", end);
  response.on("close", end);
  request.resume();
}
