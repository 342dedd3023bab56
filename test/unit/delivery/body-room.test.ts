import fc from "fast-check";
import { expect, it } from "vitest";
import { createBodyRoom } from "../../../src/delivery/body-room.ts";

const mebibyte = 1024 ** 2;

it("holds no more than it has, however many come, and always has room for what is short", () => {
  const part = fc.integer({ min: 1, max: 20 * mebibyte });
  fc.assert(
    fc.property(fc.array(fc.array(part, { minLength: 1, maxLength: 4 }), { maxLength: 40 }), (requests) => {
      const room = createBodyRoom();
      const held = new DisposableStack();
      let heldBytes = 0;
      for (const parts of requests) {
        const place = held.use(room.enter());
        for (const bytes of parts) {
          if (!place.take(bytes)) break;
          heldBytes += bytes;
        }
      }
      expect(heldBytes).toBeLessThanOrEqual(128 * mebibyte + requests.length * 256 * 1024);
      using short = room.enter();
      expect(short.take(200_000)).toBe(true);
      held.dispose();
      // All of it is free again.
      using long = room.enter();
      expect([long.take(25 * mebibyte), long.take(100 * mebibyte)]).toEqual([true, true]);
    }),
  );
});
