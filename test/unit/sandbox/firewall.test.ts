import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planFirewall, printRefresh, printRuleset } from "../../../src/sandbox/firewall.ts";
import { joinRanges, parseRange, printRange, type Range, subtractRanges } from "../../../src/sandbox/ranges.ts";

const template = readFileSync(join(import.meta.dirname, "../../../sandbox/firewall.nft"), "utf8");
const nothing = { meta: undefined, addresses: {}, ports: [443], privateToo: false };
const printed = (ranges: readonly Range[]) => ranges.map(printRange);

describe("ranges", () => {
  it("are read in one notation only", () => {
    expect(printRange(parseRange("192.0.2.77/24") as Range)).toBe("192.0.2.0-192.0.2.255");
    expect(printRange(parseRange("192.0.2.7") as Range)).toBe("192.0.2.7");
    for (const text of [
      "192.0.2.010",
      "192.0.2",
      "192.0.2.256",
      "192.0.2.0/33",
      "192.0.2.0/024",
      "0xC0.0.2.1",
      "192.0.2.1 ",
      "::1",
    ])
      expect(parseRange(text), text).toBeUndefined();
  });

  const range = fc
    .tuple(fc.nat(300), fc.nat(40))
    .map(([first, size]): Range => ({ first: 3_221_225_984 + first, last: 3_221_225_984 + first + size }));
  const members = (ranges: readonly Range[]) =>
    new Set(ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index)));

  it("hold the same addresses when they are joined, in the fewest pieces", () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), (ranges) => {
        const joined = joinRanges(ranges);
        expect(members(joined)).toEqual(members(ranges));
        for (const [index, { first, last }] of joined.entries()) {
          expect(first).toBeLessThanOrEqual(last);
          if (index > 0) expect(first).toBeGreaterThan((joined[index - 1] as Range).last + 1);
        }
      }),
    );
  });

  it("lose exactly what is taken out", () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), fc.array(range, { maxLength: 8 }), (ranges, holes) => {
        expect(members(subtractRanges(ranges, holes))).toEqual(members(ranges).difference(members(holes)));
      }),
    );
  });
});

describe("the plan of a firewall", () => {
  it("takes GitHub's api, git and web ranges, and nothing that strangers can rent", () => {
    const meta = {
      api: ["192.0.2.0/25", "2001:db8::/32"],
      git: ["192.0.2.128/25"],
      web: ["198.51.100.0/24"],
      pages: ["198.51.100.7/32"],
      ...{
        actions: ["203.0.113.0/25"],
        codespaces: ["203.0.113.128/26"],
        packages: ["203.0.113.192/26"],
        hooks: ["203.0.113.0/24"],
      },
    };
    const plan = planFirewall({ ...nothing, meta });
    expect(printed(plan.ranges)).toEqual(["192.0.2.0-192.0.2.255", "198.51.100.0-198.51.100.6", "198.51.100.8-198.51.100.255"]);
    expect(plan.notes).toEqual([]);
  });

  it("takes each name's addresses once, and goes on where a name is dead", () => {
    const addresses = { "GitHub.com": ["192.0.2.9", "192.0.2.9", "192.0.2.3"], "dead.test": [] };
    const plan = planFirewall({ ...nothing, addresses });
    expect(plan.names).toEqual({ "github.com": ["192.0.2.3", "192.0.2.9"] });
    expect(printed(plan.ranges)).toEqual(["192.0.2.3", "192.0.2.9"]);
    expect(plan.notes).toEqual(["dead.test: resolves to nothing that can be allowed"]);
  });

  it("refuses what is too wide, unreadable, or this machine's own", () => {
    const wrong = [
      "0.0.0.0/0",
      "13.0.0.0/8",
      "127.0.0.1",
      "169.254.169.254",
      "10.1.2.3",
      "172.17.0.1",
      "192.168.1.0/24",
      "255.255.255.255",
    ];
    const plan = planFirewall({
      ...nothing,
      meta: { api: [...wrong, 7, null, "x"], git: "all", web: {} },
      addresses: { "x.test": wrong },
    });
    expect(plan).toMatchObject({ ranges: [], names: {} });
    expect(plan.notes).toHaveLength(wrong.length * 2 + 4);
    expect(
      printed(planFirewall({ ...nothing, privateToo: true, addresses: { "ghes.test": ["10.1.2.3", "127.0.0.1"] } }).ranges),
    ).toEqual(["10.1.2.3"]);
  });

  it("takes nothing of an answer that names more than GitHub has, however small its pieces", () => {
    const meta = { web: Array.from({ length: 300 }, (_, index) => `11.${index % 256}.0.0/16`), api: ["192.0.2.0/24"] };
    const plan = planFirewall({ ...nothing, meta, addresses: { "github.com": ["198.51.100.9"] } });
    expect(printed(plan.ranges)).toEqual(["198.51.100.9"]);
    expect(plan.notes).toEqual(["meta: 16777472 addresses are more than GitHub has"]);
  });

  it("opens nothing that was not named, whatever is answered", () => {
    const entry = fc.oneof(
      fc.ipV4(),
      fc.tuple(fc.ipV4(), fc.nat(40)).map(([at, bits]) => `${at}/${bits}`),
      fc.string(),
      fc.integer(),
    );
    const list = fc.oneof(fc.array(entry, { maxLength: 6 }), fc.string(), fc.constant(null));
    const meta = fc.oneof(
      fc.record({ api: list, git: list, web: list, actions: list }, { requiredKeys: [] }),
      fc.string(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(
        meta,
        fc.dictionary(fc.domain(), fc.array(fc.oneof(fc.ipV4(), fc.string()), { maxLength: 4 })),
        (said, addresses) => {
          const plan = planFirewall({ ...nothing, meta: said, addresses });
          const lists = [
            ...["api", "git", "web"].map((key) => (said as Record<string, unknown> | null)?.[key]),
            ...Object.values(addresses),
          ];
          const named = lists
            .flatMap((each) => (Array.isArray(each) ? each : []))
            .flatMap((text) => parseRange(String(text)) ?? []);
          for (const { first, last } of plan.ranges)
            for (const edge of [first, last]) expect(named.some((range) => range.first <= edge && edge <= range.last)).toBe(true);
          for (const name of Object.keys(plan.names))
            expect(Object.keys(addresses).map((key) => key.toLowerCase())).toContain(name);
        },
      ),
    );
  });
});

describe("the rules", () => {
  const plan = planFirewall({ ...nothing, ports: [443, 8443, 443], meta: { api: ["192.0.2.0/24"] } });
  it("name the addresses and ports, and leave no mark of the template", () => {
    const rules = printRuleset(template, plan);
    expect(rules).toContain("elements = { 192.0.2.0-192.0.2.255 }");
    expect(rules).toContain("tcp dport { 443, 8443 }");
    expect(rules).not.toContain("@PORTS@");
    expect(rules).not.toContain("@ELEMENTS@");
    expect(rules.match(/policy drop/g)).toHaveLength(3);
  });
  it("change in one transaction, to nothing at all if need be", () => {
    expect(printRefresh(plan).trim().split("\n")).toEqual([
      "flush set inet airlock allowed",
      "add element inet airlock allowed { 192.0.2.0-192.0.2.255 }",
    ]);
    expect(printRefresh({ ...plan, ranges: [] })).toBe("flush set inet airlock allowed\n");
    expect(printRuleset(template, { ...plan, ranges: [] })).not.toContain("elements");
  });
});
