import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { areDialable, isPublic } from "../../../src/gateway/connect/addresses.ts";
import { decideAuthority } from "../../../src/gateway/connect/authority.ts";
import { findConnectFault } from "../../../src/gateway/strict.ts";

const hosts = ["docs.example.org", "xn--bcher-kva.example"];
const said = (target: string, listed = hosts) => {
  const decision = decideAuthority(target, listed);
  return "rule" in decision ? decision.rule : decision.host;
};

describe("what a CONNECT names", () => {
  it("passes as the very bytes of a listed host and 443", () => {
    for (const host of hosts) expect(said(`${host}:443`)).toBe(host);
  });

  it("[3][8] is refused in every other spelling, with the rule that fits", () => {
    const cases: [rule: string, ...targets: string[]][] = [
      [
        "connect.not-listed",
        "evil.example:443",
        "x.docs.example.org:443",
        "docs.example.org.evil.example:443",
        "example.org:443",
      ],
      ["connect.not-listed", "docs.example.org%00.evil.example:443", "docs%2eexample.org:443", "_:443", "localhost:443"],
      ["connect.spelling", "Docs.example.org:443", "docs.example.org.:443", "DOCS.EXAMPLE.ORG..:443"],
      [
        "connect.port",
        "docs.example.org:80",
        "docs.example.org:0443",
        "docs.example.org:+443",
        "docs.example.org:1bb",
        "docs.example.org:22",
      ],
      [
        "connect.address",
        "127.0.0.1:443",
        "169.254.169.254:443",
        "[::1]:443",
        "[::ffff:127.0.0.1]:443",
        "::1:443",
        "2130706433:443",
      ],
      [
        "connect.address",
        "0x7f000001:443",
        "0x7f.1:443",
        "127.1:443",
        "0177.0.0.1:443",
        "127.0.0.1.:443",
        "[fe80::1%25eth0]:443",
        "0x:443",
      ],
      [
        "connect.authority",
        "docs.example.org",
        "docs.example.org:",
        ":443",
        "443",
        "",
        "/",
        "*",
        "https://docs.example.org:443/",
        "/docs.example.org:443",
      ],
      [
        "connect.authority",
        "user@docs.example.org:443",
        "docs.example.org:443/",
        "docs.example.org:443?",
        "docs.example.org:443#",
        "bücher.example:443",
      ],
      ["connect.authority", "docs.example.org\0:443", "docs.example.org :443", "docs.example.org:443\t"],
    ];
    for (const [rule, ...targets] of cases) for (const target of targets) expect(said(target), target).toBe(rule);
    expect(said("docs.example.org:443", [])).toBe("connect.off");
  });

  it("passes nothing else, whatever is sent", () => {
    const near = fc.tuple(fc.nat(20), fc.string({ unit: "binary-ascii", maxLength: 2 }), fc.nat(3)).map(([at, put, drop]) => {
      const target = "docs.example.org:443";
      return target.slice(0, at) + put + target.slice(at + drop);
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary-ascii" })), (target) => {
        expect("host" in decideAuthority(target, hosts)).toBe(hosts.some((host) => target === `${host}:443`));
      }),
      { numRuns: 300 },
    );
  });
});

describe("the head of a CONNECT", () => {
  const fault = (rawHeaders: string[], httpVersion = "1.1") =>
    findConnectFault({ method: "CONNECT", target: "docs.example.org:443", httpVersion, rawHeaders })?.rule;
  it("passes as ordinary clients send it", () => {
    const curl = ["Host", "docs.example.org:443", "User-Agent", "curl/7.88.1", "Proxy-Connection", "Keep-Alive"];
    for (const headers of [curl, ["host", "docs.example.org", "connection", "close"]]) expect(fault(headers)).toBeUndefined();
    expect(fault([], "1.0")).toBeUndefined();
  });

  it("[11] is refused where it has two readings", () => {
    expect(fault([])).toBe("http.host");
    expect(fault(["Host", "evil.example:443"])).toBe("http.host");
    expect(fault(["Host", "evil.example:443"], "1.0")).toBe("http.host");
    expect(fault(["Host", "docs.example.org:443", "Host", "docs.example.org:443"])).toBe("http.host");
    expect(fault(["Host", "docs.example.org:80"])).toBe("http.host");
    expect(fault(["Host", "docs.example.org", "Content-Length", "3"])).toBe("http.body");
    expect(fault(["Host", "docs.example.org", "Transfer-Encoding", "chunked"])).toBe("http.body");
    expect(fault(["Host", "docs.example.org", "Upgrade", "h2c"])).toBe("http.upgrade");
    expect(fault(["Host", "docs.example.org"], "0.9")).toBe("http.version");
  });
});

describe("an address that a tunnel is dialled at", () => {
  const special = [
    ...["0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1"],
    ...[
      "172.31.255.255",
      "192.0.0.192",
      "192.0.2.1",
      "192.88.99.1",
      "192.168.1.1",
      "198.18.0.1",
      "198.19.255.255",
      "198.51.100.7",
    ],
    ...["203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"],
    ...[
      "::",
      "::1",
      "::127.0.0.1",
      "::ffff:8.8.8.8",
      "::ffff:127.0.0.1",
      "0:0:0:0:0:ffff:7f00:1",
      "::ffff:0:127.0.0.1",
      "64:ff9b::8.8.8.8",
    ],
    ...[
      "64:ff9b:1::1",
      "100::1",
      "2001::1",
      "2001:0:7f00:1::",
      "2001:10::1",
      "2001:20::1",
      "2001:db8::1",
      "2002:7f00:1::1",
      "3fff::1",
    ],
    ...["3ffe::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1"],
    ...["4000::1", "localhost", "", "127.1", "0x7f.0.0.1", "08.8.8.8", "8.8.8", "8.8.8.8 ", "1.1.1.1\0", "[2606:4700::1]"],
  ];
  it.each(special)("[3][7] is never %j", (address) => expect(isPublic(address)).toBe(false));

  it.each([
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450::1",
  ])("may be %s", (address) => expect(isPublic(address)).toBe(true));

  it("[3] is one of a name whose every answer is public, and none this machine's own", () => {
    expect(areDialable(["1.1.1.1", "2606:4700::1"], ["10.0.0.1"])).toBe(true);
    expect(areDialable(["1.1.1.1", "127.0.0.1"], [])).toBe(false);
    expect(areDialable([], [])).toBe(false);
    expect(areDialable(["1.1.1.1"], ["1.1.1.1"])).toBe(false);
    expect(areDialable(["2606:4700:0:0:0:0:0:1"], ["fe80::1", "2606:4700::1"])).toBe(false);
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom(...special));
    fc.assert(
      fc.property(fc.array(address, { maxLength: 5 }), (answers) => {
        expect(areDialable(answers, [])).toBe(answers.length > 0 && answers.every(isPublic));
      }),
    );
  });
});
