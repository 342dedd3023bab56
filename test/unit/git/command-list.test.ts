import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createListWatch } from "../../../src/git/host/command-list.ts";
import { flushPacket, printPacket } from "../../../src/git/pkt-line.ts";

const list = (refs: number) => Array.from({ length: refs }, (_, nth) => printPacket(`old new refs/heads/${nth}`.padEnd(96)));

describe("the list of a push", () => {
  it("is told from what follows it, however it is cut into pieces", () => {
    const body = Buffer.concat([...list(10), flushPacket, Buffer.from("PACK"), Buffer.alloc(5_000)]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), fc.boolean(), (steps, fits) => {
        const tooLong = createListWatch(fits ? 1_000 : 999);
        let found = false;
        for (let at = 0, nth = 0; at < body.length; nth += 1) {
          const step = steps[nth % steps.length] ?? 1;
          found ||= tooLong(body.subarray(at, at + step));
          at += step;
        }
        expect(found).toBe(!fits);
      }),
    );
  });

  it("is git's to refuse where it is none", () => {
    expect(createListWatch(10)(Buffer.from("zzzz and more of that kind"))).toBe(false);
  });
});
