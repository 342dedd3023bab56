import { describe, expect, it } from "vitest";
import { checkWays, planWays, type WaysSight } from "../../../src/sandbox/ways.ts";

const ordinary = [
  { priority: 0, table: "local" },
  { priority: 32_766, table: "main" },
  { priority: 32_767, table: "default" },
];
const own = (dev: string, prefsrc: string) => ({ type: "local", dst: prefsrc, dev, prefsrc });
/** As an engine leaves a container on a bridge. */
const bridged: WaysSight = {
  main: [
    { dst: "default", gateway: "172.21.0.1", dev: "eth0" },
    { dst: "172.21.0.0/16", dev: "eth0", prefsrc: "172.21.0.2" },
  ],
  marked: [],
  local: [own("lo", "127.0.0.1"), own("eth0", "172.21.0.2")],
  rules: ordinary,
  links: [
    { ifname: "lo", mtu: 65_536 },
    { ifname: "eth0", mtu: 1_400 },
  ],
};
const laid: WaysSight = {
  main: [{ dst: "default", dev: "hole0", prefsrc: "172.21.0.2" }],
  marked: [{ dst: "default", gateway: "172.21.0.1", dev: "eth0" }],
  local: [...bridged.local, { dst: "127.0.0.11", dev: "hole0", prefsrc: "172.21.0.2" }],
  rules: [...ordinary.slice(0, 1), { priority: 100, table: "8090", fwmark: "0x1" }, ...ordinary.slice(1)],
  links: [...bridged.links, { ifname: "hole0", mtu: 1_400 }],
};

describe("the ways of a namespace", () => {
  it("are the bridge's gateway for what is marked, and a hole for everything else", () => {
    expect(planWays(bridged)).toEqual([
      "link add hole0 type bridge",
      "link set dev hole0 mtu 1400 arp off up",
      "route replace default via 172.21.0.1 dev eth0 onlink table 8090",
      "route flush table main",
      "route add default dev hole0 src 172.21.0.2 table main",
      "route replace default dev hole0 src 172.21.0.2 table main",
      "route replace 127.0.0.11/32 dev hole0 src 172.21.0.2 table local",
      "rule add priority 100 fwmark 0x1 lookup 8090",
    ]);
  });

  it("may be laid again, and take in what was put beside them", () => {
    const again = planWays(laid) ?? [];
    expect(again.filter((line) => /link add|rule add/.test(line))).toEqual([]);
    expect(again).toContain("route replace default via 172.21.0.1 dev eth0 onlink table 8090");
    const another = { dst: "192.0.2.0/24", gateway: "172.21.0.9", dev: "eth0" };
    expect(planWays({ ...laid, main: [...laid.main, another] })).toEqual(
      expect.arrayContaining([
        "route replace 192.0.2.0/24 via 172.21.0.9 dev eth0 onlink table 8090",
        "route replace 192.0.2.0/24 dev hole0 src 172.21.0.2 table main",
      ]),
    );
  });

  it("carry the address of their own cable where there are two", () => {
    const cable = { dst: "198.51.100.0/24", gateway: "192.0.2.129", dev: "up0" };
    const two = {
      ...{ ...bridged, main: [...bridged.main, cable], local: [...bridged.local, own("up0", "192.0.2.130")] },
      links: [...bridged.links, { ifname: "up0", mtu: 1_500 }],
    };
    expect(planWays(two)).toContain("route replace 198.51.100.0/24 dev hole0 src 192.0.2.130 table main");
  });

  it("cannot be laid where there is no way at all", () => {
    expect(planWays({ ...bridged, main: bridged.main.slice(1) })).toBeUndefined();
    expect(planWays({ ...bridged, local: [] })).toBeUndefined();
  });

  it("are right as they are laid, and wrong with anything beside or instead", () => {
    expect(checkWays(laid)).toMatchObject({ ok: true, name: "engine.ways" });
    const wrong: [string, Partial<WaysSight>][] = [
      ["routes", { main: [...laid.main, ...bridged.main] }],
      ["routes", { main: [...laid.main, { dst: "172.21.0.0/16", dev: "eth0" }] }],
      ["routes", { main: [] }],
      ["marked routes", { marked: [] }],
      ["marked routes", { marked: [{ dst: "default", dev: "eth0" }] }],
      ["the engine's resolver", { local: bridged.local }],
      ["the engine's resolver", { local: [...bridged.local, { type: "local", dst: "127.0.0.11", dev: "lo" }] }],
      ["rules", { rules: ordinary }],
      ["rules", { rules: [...laid.rules, { priority: 50, table: "8090" }] }],
      ["rules", { rules: laid.rules.map((rule) => (rule.fwmark ? { priority: 100, table: "8090" } : rule)) }],
    ];
    for (const [name, change] of wrong)
      expect(checkWays({ ...laid, ...change }), name).toMatchObject({ ok: false, seen: `wrong: ${name}` });
  });
});
