/** ◆ How long the list of refs is with which a push begins. */
import { readPacket } from "../pkt-line.ts";

/** Some 2,000 refs. Each becomes a file and each part of its name a folder: 100 kB of names can be 50,000 of them on the host's disk. */
export const longestListBytes = 256 * 1024;

/** Told all bytes of a push, in order and unpacked; true where its list is too long. What is no list is git's to refuse. */
export function createListWatch(limitBytes = longestListBytes): (bytes: Buffer) => boolean {
  let held: Buffer | undefined = Buffer.alloc(0);
  let seen = 0;
  return (bytes) => {
    if (held === undefined) return false;
    held = Buffer.concat([held, bytes]);
    let at = 0;
    for (;;) {
      const reading = readPacket(held, at);
      if (reading.at === "more") break;
      // The list is at its end, or is none.
      if (reading.at === "malformed" || reading.packet.kind !== "data") {
        held = undefined;
        return seen + at > limitBytes;
      }
      at += reading.size;
    }
    seen += at;
    held = held.subarray(at);
    return seen > limitBytes;
  };
}
