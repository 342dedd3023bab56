import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flushPacket, printPacket } from "../../../src/git/pkt-line.ts";
import { decidePush, type PushAllowance } from "../../../src/git/push-command.ts";
import type { Sha } from "../../../src/run/identity.ts";

const absent = "0".repeat(40);
const allowed: PushAllowance = { old: "a".repeat(40) as Sha, new: "b".repeat(40) as Sha, ref: "refs/heads/agent/issue-7" };
const capabilities = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5";
const line = `${allowed.old} ${allowed.new} ${allowed.ref}\0${capabilities}`;
const pack = Buffer.from("PACK\0\0\0\x02");

describe("decidePush", () => {
  it("passes exactly the inspected change, however the bytes arrive", () => {
    const bytes = Buffer.concat([printPacket(line), flushPacket, pack]);
    expect(decidePush(bytes, false, allowed)).toEqual({ at: "pass", headBytes: bytes.length - pack.length });
    for (let length = 0; length < bytes.length - 4; length++)
      expect(decidePush(bytes.subarray(0, length), false, allowed).at).toBe("more");
  });

  it("[19] passes nothing that differs in any byte of the command", () => {
    const payload = Buffer.from(line);
    const nul = payload.indexOf(0);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: nul - 1 }), fc.integer({ min: 1, max: 255 }), (at, shift) => {
        const changed = Buffer.from(payload);
        changed[at] = ((changed[at] ?? 0) + shift) % 256;
        return decidePush(Buffer.concat([printPacket(changed), flushPacket, pack]), true, allowed).at === "refuse";
      }),
    );
  });

  it("never passes random bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (bytes) =>
          !["pass", "probe"].includes(decidePush(Buffer.from(bytes), true, allowed).at) || Buffer.from(bytes).equals(flushPacket),
      ),
    );
  });

  it("lets an empty command list pass by itself only", () => {
    expect(decidePush(flushPacket, false, allowed)).toEqual({ at: "more" });
    expect(decidePush(flushPacket, true, allowed)).toEqual({ at: "probe" });
    expect(decidePush(Buffer.concat([flushPacket, printPacket(line)]), true, allowed).at).toBe("refuse");
  });

  it("[18] refuses a second command, a certificate, a shallow line, push options, a missing pack, and a new ref where one is expected", () => {
    const refused = [
      Buffer.concat([printPacket(line), printPacket(`${absent} ${allowed.new} refs/heads/x`), flushPacket, pack]),
      Buffer.concat([printPacket(line), printPacket(line), flushPacket, pack]),
      Buffer.concat([printPacket("push-cert\0report-status"), flushPacket, pack]),
      Buffer.concat([printPacket(`shallow ${allowed.new}`), printPacket(line), flushPacket, pack]),
      Buffer.concat([printPacket(`${line} push-options`), flushPacket, printPacket("ci.skip"), flushPacket, pack]),
      Buffer.concat([printPacket(line), flushPacket, Buffer.from("PUCK")]),
      Buffer.concat([printPacket(line), Buffer.from("0001"), pack]),
      Buffer.concat([printPacket(`${absent} ${allowed.new} ${allowed.ref}\0${capabilities}`), flushPacket, pack]),
      Buffer.concat([printPacket(line.split("\0")[0] ?? ""), flushPacket, pack]),
      Buffer.concat([printPacket(`${line}\n`.replace(allowed.ref, `${allowed.ref}x`)), flushPacket, pack]),
      printPacket(line),
      Buffer.alloc(0),
    ];
    for (const bytes of refused)
      expect(decidePush(bytes, true, allowed).at, bytes.toString("latin1").slice(0, 60)).toBe("refuse");
  });
});
