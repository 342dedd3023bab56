import type { Socket } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TunnelLimits } from "./limits.ts";

export type SpliceEnd = "ended" | "too-much" | "idle" | "expired";

export interface Splice {
  client: Socket;
  far: Socket;
  limits: Pick<TunnelLimits, "idleMs" | "wholeMs">;
  /** Asked for every piece before it is passed on; false: the run has had its share. */
  admit(direction: "sent" | "got", bytes: number): boolean;
}

/** Passes bytes both ways, each side's end as its end, until both have ended, one breaks, or a limit is met. Both are destroyed then. */
export async function splice({ client, far, limits, admit }: Splice): Promise<SpliceEnd> {
  let end: SpliceEnd = "ended";
  const stop = (because: SpliceEnd) => {
    if (end === "ended") end = because;
    client.destroy();
    far.destroy();
  };
  const idle = setTimeout(() => stop("idle"), limits.idleMs);
  const whole = setTimeout(() => stop("expired"), limits.wholeMs);
  const meter = (direction: "sent" | "got") =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        idle.refresh();
        if (admit(direction, chunk.length)) done(null, chunk);
        else stop("too-much");
      },
    });
  await Promise.allSettled([pipeline(client, meter("sent"), far), pipeline(far, meter("got"), client)]);
  clearTimeout(idle);
  clearTimeout(whole);
  client.destroy();
  far.destroy();
  return end;
}
