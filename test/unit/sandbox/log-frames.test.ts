import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineJoiner, loggedBytes, parseTimestamp, splitFrames } from "../../../src/sandbox/log-frames.ts";

const stamp = "2026-11-24T23:33:31.123456789Z";
function frame(text: string, stream = 1): Buffer {
  const body = Buffer.from(`${stamp} ${text}`);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}
const entry = (text: string, stream: "stdout" | "stderr" = "stdout") => ({ stream, atNs: "1", bytes: Buffer.from(text) });

describe("the engine's log", () => {
  it("is split into entries wherever the stream is cut", () => {
    const whole = Buffer.concat([frame("one\n"), frame("two ü\n", 2), frame("three")]);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        let rest: Buffer = Buffer.alloc(0);
        const seen: string[] = [];
        for (let index = 1; index < at.length; index++) {
          const split = splitFrames(Buffer.concat([rest, whole.subarray(at[index - 1], at[index])]));
          rest = split.rest;
          seen.push(...split.entries.map(({ stream, bytes }) => `${stream} ${bytes}`));
        }
        expect(seen).toEqual(["stdout one\n", "stderr two ü\n", "stdout three"]);
        expect(rest.length).toBe(0);
      }),
    );
  });

  it("has times in nanoseconds", () => {
    expect(parseTimestamp(stamp)).toBe("1795563211123456789");
    expect(parseTimestamp("2026-11-24T23:33:31Z")).toBe("1795563211000000000");
    expect(() => parseTimestamp("yesterday")).toThrow();
  });

  it("has the parts of a line joined, a character that was cut in two among them", () => {
    const joiner = lineJoiner(1000);
    const bytes = Buffer.from("aü\n");
    expect(joiner.add({ ...entry(""), bytes: bytes.subarray(0, 2) })).toBeUndefined();
    expect(joiner.add(entry("err\n", "stderr"))).toMatchObject({ line: "err", stream: "stderr" });
    expect(joiner.add({ ...entry(""), bytes: bytes.subarray(2) })).toEqual({
      atNs: "1",
      stream: "stdout",
      line: "aü",
      cut: false,
    });
  });

  it("has no more of a line kept than the limit, and the cut marked", () => {
    const joiner = lineJoiner(5);
    for (let part = 0; part < 100; part++) joiner.add(entry("abc"));
    expect(joiner.add(entry("abc\n"))).toMatchObject({ line: "abcab", cut: true });
    expect(joiner.add(entry("abcde\n"))).toMatchObject({ line: "abcde", cut: false });
    joiner.add(entry("x"));
    expect(joiner.rest()).toMatchObject([{ line: "x", cut: true }]);
  });

  it("is counted no smaller than JSON writes it", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        (text) => loggedBytes(Buffer.from(text)) >= Buffer.byteLength(JSON.stringify(text)) + 60,
      ),
    );
  });
});
