import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideHello, longestHello } from "../../../src/gateway/connect/client-hello.ts";
import { catchHello, helloFor, printHello, printRecords, serverName } from "../../helpers/client-hello.ts";

const host = "docs.example.org";
const named = [0, serverName([0, host])] as const;
const said = (bytes: Buffer) => {
  const decision = decideHello(bytes, host);
  return decision.at === "refused" ? decision.rule : decision.at;
};
const node = (script: string) => (port: number) => [process.execPath, "-e", script, String(port)] as const;

describe("a ClientHello", () => {
  const clients: Record<string, Parameters<typeof catchHello>[0]> = {
    "node:tls": node(`require("tls").connect({ port: process.argv[1], servername: "${host}" }).on("error", () => {})`),
    "node:tls, TLS 1.2": node(
      `require("tls").connect({ port: process.argv[1], servername: "${host}", maxVersion: "TLSv1.2" }).on("error", () => {})`,
    ),
    openssl: (port) => ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-servername", host],
    "openssl, TLS 1.2": (port) => ["openssl", "s_client", "-tls1_2", "-connect", `127.0.0.1:${port}`, "-servername", host],
    curl: (port) => ["curl", "-s", "--noproxy", "*", "--resolve", `${host}:${port}:127.0.0.1`, `https://${host}:${port}/`],
    git: (port) => [
      ...(["git", "-c", `http.curloptResolve=${host}:${port}:127.0.0.1`] as const),
      ...["ls-remote", `https://${host}:${port}/x`],
    ],
  };
  it.each(Object.keys(clients))(
    "of %s passes for its own name, at no moment before its end, and for no other name",
    async (client) => {
      const bytes = await catchHello(clients[client] as Parameters<typeof catchHello>[0]);
      expect(said(bytes)).toBe("pass");
      for (let length = 0; length < bytes.length; length += 7) expect(said(bytes.subarray(0, length)), `${length}`).toBe("more");
      expect(said(bytes.subarray(0, -1))).toBe("more");
      expect(decideHello(bytes, "docs.example.com")).toMatchObject({ at: "refused", rule: "connect.other-name" });
    },
  );

  it("of node:tls without a name is refused", async () => {
    const bytes = await catchHello(node(`require("tls").connect({ port: process.argv[1] }).on("error", () => {})`));
    expect(said(bytes)).toBe("connect.other-name");
  });

  it("passes however it is cut into records, and says how many bytes it must see before it can say more", () => {
    const message = printHello({ extensions: [[10, Buffer.of(0, 2, 0, 29)], named] });
    const cuts = fc.array(fc.integer({ min: 1, max: message.length - 1 }), { maxLength: 14 });
    fc.assert(
      fc.property(cuts, (places) => {
        const bytes = printRecords(message, places);
        expect(said(bytes)).toBe("pass");
        // As a reader would go: never the same bytes twice, and never to the end of what it was not told to wait for.
        let steps = 0;
        for (let seen = 0; ; steps += 1) {
          const decision = decideHello(bytes.subarray(0, seen), host);
          if (decision.at !== "more") break;
          expect(decision.needBytes).toBeGreaterThan(seen);
          expect(decision.needBytes).toBeLessThanOrEqual(bytes.length);
          seen = decision.needBytes;
        }
        expect(steps).toBeLessThanOrEqual(2 * (places.length + 1));
      }),
    );
  });

  it("is not looked at beyond its end: what follows is the tunnel's", () => {
    expect(said(Buffer.concat([helloFor(host), Buffer.from("anything")]))).toBe("pass");
  });

  it("passes for no name but the very bytes of the host", () => {
    for (const name of [
      host.toUpperCase(),
      `${host}.`,
      `${host}\0`,
      `${host}\0.evil.example`,
      ` ${host}`,
      `x${host}`,
      host.slice(1),
      "",
    ])
      expect(said(helloFor(name)), name).toBe("connect.other-name");
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 40 }), (name) => name === host || said(helloFor(name)) !== "pass"),
    );
  });

  const hello = (extensions: NonNullable<Parameters<typeof printHello>[0]["extensions"]>) =>
    printRecords(printHello({ extensions }));
  const odd: Record<string, [rule: string, bytes: Buffer]> = {
    "no extension at all": ["connect.other-name", hello([])],
    "two names": ["connect.other-name", hello([[0, serverName([0, host], [0, "evil.example"])]])],
    "two equal names": ["connect.other-name", hello([[0, serverName([0, host], [0, host])]])],
    "a name of another type": ["connect.other-name", hello([[0, serverName([1, host])]])],
    "an empty list of names": ["connect.other-name", hello([[0, serverName()]])],
    "an empty extension": ["connect.other-name", hello([[0, Buffer.alloc(0)]])],
    "bytes behind the list of names": ["connect.other-name", hello([[0, Buffer.concat([serverName([0, host]), Buffer.of(0)])]])],
    "two extensions of names": ["connect.hello", hello([named, [0, serverName([0, "evil.example"])]])],
    "two of another extension": ["connect.hello", hello([named, [16, Buffer.alloc(0)], [16, Buffer.alloc(0)]])],
    "an encrypted name": ["connect.hidden-name", hello([named, [0xfe0d, Buffer.alloc(8)]])],
    "an encrypted name's inner form": ["connect.hidden-name", hello([named, [0xfd00, Buffer.alloc(8)]])],
    "the draft of an encrypted name": ["connect.hidden-name", hello([[0xffce, Buffer.alloc(8)], named])],
    "bytes behind the extensions": ["connect.hello", printRecords(printHello({ extensions: [named], after: Buffer.of(0) }))],
    "TLS 1.1": ["connect.hello", printRecords(printHello({ version: 0x0302, extensions: [named] }))],
    compression: ["connect.hello", printRecords(printHello({ compression: Buffer.of(1, 0), extensions: [named] }))],
    "no cipher suite": ["connect.hello", printRecords(printHello({ suites: Buffer.alloc(0), extensions: [named] }))],
    "half a cipher suite": ["connect.hello", printRecords(printHello({ suites: Buffer.of(0x13, 1, 0), extensions: [named] }))],
    "a long session id": ["connect.hello", printRecords(printHello({ session: Buffer.alloc(33), extensions: [named] }))],
    "a second message in its record": [
      "connect.hello",
      printRecords(Buffer.concat([printHello({ extensions: [named] }), printHello({ extensions: [] })])),
    ],
    "another handshake message": ["connect.hello", printRecords(Buffer.of(2, 0, 0, 1, 0))],
    "a piece in each of many records": [
      "connect.hello",
      printRecords(
        printHello({ extensions: [named] }),
        Array.from({ length: 40 }, (_, nth) => nth + 1),
      ),
    ],
    "a message longer than any": ["connect.hello", Buffer.from("1603010004ff0000000100ffff", "hex").fill(1, 5, 6)],
    "records longer than any message": [
      "connect.hello",
      Buffer.concat([
        Buffer.from("1603014000", "hex"),
        Buffer.of(1, 0, 0x40, 0),
        Buffer.alloc(longestHello - 4),
        Buffer.from("1603010001"),
      ]),
    ],
    "an alert": ["connect.not-tls", Buffer.from("15030300020228", "hex")],
    "application data": ["connect.not-tls", Buffer.from("1703030005hello")],
    "SSL 3": ["connect.not-tls", Buffer.from("160300000101", "hex")],
    "SSL 2": ["connect.not-tls", Buffer.from("802e0100020015", "hex")],
    "an empty record": ["connect.not-tls", Buffer.from("16030100000000", "hex")],
    "a record that is too long": ["connect.not-tls", Buffer.from("1603014001", "hex")],
    HTTP: ["connect.not-tls", Buffer.from("GET / HTTP/1.1\r\n")],
    SSH: ["connect.not-tls", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
  };
  it.each(Object.keys(odd))("is refused: %s", (name) => {
    const [rule, bytes] = odd[name] as [string, Buffer];
    expect(said(bytes)).toBe(rule);
  });

  it("with any one byte changed never passes for another name, and noise passes for none", () => {
    const bytes = printRecords(printHello({ extensions: [[10, Buffer.of(0, 2, 0, 29)], named] }), [30]);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = Buffer.from(bytes);
        changed[place] = (changed[place] ?? 0) ^ change;
        expect(decideHello(changed, "evil.example").at).not.toBe("pass");
      }),
    );
    const noise = fc.tuple(
      fc.constantFrom("", "16", "160301", "1603010040", "160301004001000003"),
      fc.uint8Array({ maxLength: 300 }),
    );
    fc.assert(fc.property(noise, ([start, rest]) => said(Buffer.concat([Buffer.from(start, "hex"), rest])) !== "pass"));
  });
});
