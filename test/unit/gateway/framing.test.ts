import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFramingReader } from "../../../src/gateway/framing.ts";

const chunked = (...chunks: string[]) =>
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.map((it) => `${it.length.toString(16)}\r\n${it}\r\n`).join("")}0\r\n\r\n`;
const sized = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const bare = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** The fault of a connection's bytes, however they are cut. */
function said(text: string, cuts: readonly number[] = []): string | undefined {
  const read = createFramingReader();
  const bytes = Buffer.from(text, "latin1");
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  return places.map((place, nth) => read(bytes.subarray(place, places[nth + 1])))[places.length - 2]?.rule;
}

describe("what comes in chunks", () => {
  const request = fc.oneof(
    fc.constant(bare),
    fc.string({ unit: "binary-ascii" }).map(sized),
    fc.array(fc.string({ unit: "binary-ascii", minLength: 1 }), { maxLength: 4 }).map((chunks) => chunked(...chunks)),
  );
  const cuts = fc.array(fc.nat(60), { maxLength: 8 });

  it("[11] is nothing odd where it is lengths and bytes, one request after the other, however they are cut", () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 5 }), cuts, (requests, places) => said(requests.join(""), places) === undefined),
    );
  });

  it("[11] is odd where a chunk says more than its length, or a line follows the last, behind whatever came before", () => {
    const odd = fc.constantFrom(
      ...[";x=y", " ;x", ";", " ", "\t", "_"].map((it) => [`4${it}\r\nabcd\r\n0\r\n\r\n`, "http.chunk-extension"]),
      ...[`0;x\r\n\r\n`, "+4\r\nabcd\r\n", "0x4\r\nabcd\r\n", "\r\n", "123456789\r\n"].map((it) => [it, "http.chunk-extension"]),
      ["4\r\nabcd\r\n0\r\nX: y\r\n\r\n", "http.trailer"],
    );
    fc.assert(
      fc.property(fc.array(request, { maxLength: 3 }), odd, cuts, (requests, [body = "", rule], places) => {
        expect(said(requests.join("") + chunked().replace("0\r\n\r\n", "") + body, places)).toBe(rule);
      }),
    );
  });

  it("throws for nothing, and once odd is odd for ever", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const read = createFramingReader();
        const first = read(Buffer.concat([Buffer.from(chunked().slice(0, -5)), noise]));
        const second = read(Buffer.from(bare));
        if (first) expect(second).toBe(first);
      }),
    );
  });
});
