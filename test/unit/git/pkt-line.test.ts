import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flushPacket, printPacket, readPacket } from "../../../src/git/pkt-line.ts";

describe("pkt-line", () => {
  it("reads back what it prints, however much follows", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.uint8Array({ maxLength: 50 }), (payload, rest) => {
        const bytes = Buffer.concat([printPacket(payload), rest]);
        const reading = readPacket(bytes, 0);
        if (reading.at !== "packet" || reading.packet.kind !== "data") return false;
        return reading.size === payload.length + 4 && reading.packet.payload.equals(payload);
      }),
    );
  });

  it("asks for more as long as a packet is cut, and never reads past it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (payload) => {
        const whole = printPacket(payload);
        for (let length = 0; length < whole.length; length++)
          expect(readPacket(whole.subarray(0, length), 0)).toEqual({ at: "more" });
      }),
      { numRuns: 30 },
    );
  });

  it("takes no other length than four hex digits of a possible one", () => {
    for (const digits of ["zzzz", "+004", " 004", "0x04", "0003", "fff1", "-001", "00\n4"]) {
      expect(readPacket(Buffer.from(`${digits}${"x".repeat(10)}`), 0), digits).toEqual({ at: "malformed" });
    }
    expect(readPacket(flushPacket, 0)).toMatchObject({ packet: { kind: "flush" }, size: 4 });
    expect(readPacket(Buffer.from("0001"), 0)).toMatchObject({ packet: { kind: "delimiter" } });
  });
});
