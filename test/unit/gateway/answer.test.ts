import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { connect as connectTls, createServer, type TlsOptions } from "node:tls";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decideAnswer } from "../../../src/gateway/connect/answer.ts";
import { decideHello, decideSecondHello } from "../../../src/gateway/connect/client-hello.ts";
import { helloFor, printHello, printRecords, serverName } from "../../helpers/client-hello.ts";
import { openTunnelWorld, type TunnelWorld } from "../../helpers/tunnel-world.ts";

const said = (bytes: Buffer) => {
  const decision = decideAnswer(bytes);
  return decision.at === "refused" ? decision.rule : decision.at;
};

const retryRandom = Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex");
const message = (of: { type?: number; version?: number; random?: Buffer; rest?: Buffer }) => {
  const version = of.version ?? 0x0303;
  const rest = of.rest ?? Buffer.from("00130100000e002b00020304003300020018".slice(0, 8) + "0000", "hex");
  const body = Buffer.concat([Buffer.of(version >> 8, version & 255), of.random ?? Buffer.alloc(32, 5), rest]);
  return Buffer.concat([Buffer.of(of.type ?? 2, 0, body.length >> 8, body.length & 255), body]);
};
const retry = message({ random: retryRandom });
const noThing = Buffer.from("140303000101", "hex");

/** What a real server says first to a real client, byte for byte. */
async function catchAnswer(world: TunnelWorld, server: TlsOptions, client: { ecdhCurve?: string; maxVersion?: "TLSv1.2" }) {
  const [key, cert] = await Promise.all([readFile(`${world.folder}/key.pem`), readFile(world.caFile)]);
  const far = createServer({ key, cert, ...server }).listen(0, "127.0.0.1");
  far.on("tlsClientError", (_error, socket) => socket.destroy());
  await once(far, "listening");
  const caught = Promise.withResolvers<Buffer>();
  const between = createTcpServer((near) => {
    const there = connect((far.address() as AddressInfo).port, "127.0.0.1");
    near
      .on("error", () => {})
      .pipe(there)
      .on("error", () => {});
    there.once("data", (first: Buffer) => {
      caught.resolve(first);
      near.destroy();
      there.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(between, "listening");
  const asking = connectTls({ port: (between.address() as AddressInfo).port, servername: "docs.example.org", ...client });
  asking.on("error", () => {});
  try {
    return await caught.promise;
  } finally {
    asking.destroy();
    between.close();
    far.close();
  }
}

describe("what a TLS server answers", () => {
  let world: TunnelWorld;
  beforeAll(async () => {
    world = await openTunnelWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it.each([
    ["TLS 1.3", {}, {}, "pass"],
    ["TLS 1.2", { maxVersion: "TLSv1.2" }, {}, "pass"],
    ["a group for which it was given no share", { ecdhCurve: "secp384r1" }, { ecdhCurve: "X25519:secp384r1" }, "retry"],
    ["no group that it takes", { ecdhCurve: "secp384r1" }, { ecdhCurve: "X25519" }, "pass"],
  ] as const)("is read as it is: %s", async (_, server, client, expected) => {
    const bytes = await catchAnswer(world, server, client);
    expect(said(bytes)).toBe(expected);
    if (expected === "pass" && bytes[0] === 21) return;
    const first = 5 + bytes.readUInt16BE(3);
    for (let length = 0; length < first; length += 3) expect(said(bytes.subarray(0, length)), `${length}`).toBe("more");
  });

  it("is a HelloRetryRequest by its random alone, however it is cut into records", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: retry.length - 1 }), { maxLength: 14 }), (cuts) => {
        const bytes = printRecords(retry, cuts, 0x0303);
        expect(said(bytes)).toBe("retry");
        expect(said(Buffer.concat([bytes, noThing]))).toBe("retry");
        let steps = 0;
        for (let seen = 0; ; steps += 1) {
          const decision = decideAnswer(bytes.subarray(0, seen));
          if (decision.at !== "more") break;
          expect(decision.needBytes).toBeGreaterThan(seen);
          expect(decision.needBytes).toBeLessThanOrEqual(bytes.length);
          seen = decision.needBytes;
        }
        expect(steps).toBeLessThanOrEqual(2 * (cuts.length + 1));
      }),
    );
    fc.assert(
      fc.property(fc.nat(31), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const random = Buffer.from(retryRandom);
        random[place] = (random[place] ?? 0) ^ change;
        expect(said(printRecords(message({ random })))).toBe("pass");
      }),
    );
  });

  const odd: Record<string, Buffer> = {
    HTTP: Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
    "application data": Buffer.from("1703030005hello"),
    "a ClientHello": helloFor("docs.example.org"),
    "a certificate first": printRecords(message({ type: 11 })),
    "TLS 1.1": printRecords(message({ version: 0x0302 })),
    "a short ServerHello": printRecords(Buffer.concat([Buffer.of(2, 0, 0, 34, 3, 3), retryRandom, Buffer.alloc(8)])),
    "a ServerHello longer than any": printRecords(Buffer.concat([Buffer.of(2, 1, 0, 0, 3, 3), retryRandom, Buffer.alloc(8)])),
    "a message behind a HelloRetryRequest in its record": printRecords(Buffer.concat([retry, retry])),
    "an empty record": Buffer.from("16030300000000", "hex"),
    "an alert of another length": Buffer.from("1503030003020228", "hex"),
    "an alert within a message": Buffer.concat([printRecords(retry.subarray(0, 9)), Buffer.from("15030300020228", "hex")]),
    "a piece in each of many records": printRecords(
      retry,
      Array.from({ length: 40 }, (_, nth) => nth + 1),
    ),
  };
  it.each(Object.keys(odd))("is refused: %s", (name) => {
    expect(said(odd[name] as Buffer)).toBe("connect.answer");
  });

  it("passes as noise only where that is an alert or a ServerHello, and is never waited for in vain", () => {
    const start = fc.constantFrom("", "16", "160303", "1603030040", "160303004002000003", "160303003e0200003a0303", "1503030002");
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (from, rest) => {
        const bytes = Buffer.concat([Buffer.from(from, "hex"), rest]);
        const decision = decideAnswer(bytes);
        if (decision.at === "more") expect(decision.needBytes).toBeGreaterThan(bytes.length);
        if (decision.at === "pass") expect(bytes[0] === 21 || (bytes[0] === 22 && bytes.includes(Buffer.of(2)))).toBe(true);
        expect(decision.at).not.toBe("retry");
      }),
    );
  });
});

describe("a second ClientHello", () => {
  const host = "docs.example.org";
  const hello = helloFor(host);
  it("is held to what the first is, with or without the record that says nothing", () => {
    for (const before of [Buffer.alloc(0), noThing]) {
      const bytes = Buffer.concat([before, hello]);
      for (let length = 0; length < bytes.length; length++) {
        const decision = decideSecondHello(bytes.subarray(0, length), host);
        if (decision.at !== "more") throw new Error(`${length}: ${decision.at}`);
        expect(decision.needBytes).toBeGreaterThan(length);
        expect(decision.needBytes).toBeLessThanOrEqual(bytes.length);
      }
      expect(decideSecondHello(Buffer.concat([bytes, Buffer.from("more")]), host)).toEqual({ at: "pass", endByte: bytes.length });
      expect(decideSecondHello(bytes, "evil.example.org")).toMatchObject({ at: "refused", rule: "connect.other-name" });
    }
  });

  it("is refused with anything else before it, or hidden", () => {
    const named = [0, serverName([0, host])] as const;
    const ech = printRecords(printHello({ extensions: [named, [0xfe0d, Buffer.alloc(8)]] }));
    const refused: [Buffer, string][] = [
      [Buffer.concat([noThing, noThing, hello]), "connect.not-tls"],
      [Buffer.concat([Buffer.from("140303000102", "hex"), hello]), "connect.hello"],
      [Buffer.concat([Buffer.from("1703030005", "hex"), Buffer.from("hello"), hello]), "connect.not-tls"],
      [Buffer.concat([noThing, ech]), "connect.hidden-name"],
      [Buffer.from("15030300020228", "hex"), "connect.not-tls"],
    ];
    for (const [bytes, rule] of refused) expect(decideSecondHello(bytes, host)).toMatchObject({ at: "refused", rule });
  });

  it("ends where it ends: what follows the first is not part of it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 40 }),
        (cuts, after) => {
          const bytes = printRecords(printHello({ extensions: [[0, serverName([0, host])]] }), cuts);
          expect(decideHello(Buffer.concat([bytes, after]), host)).toEqual({ at: "pass", endByte: bytes.length });
        },
      ),
    );
  });
});
