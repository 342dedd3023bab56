import { describe, expect, it } from "vitest";
import { furtherTargets } from "../../../src/run/evidence.ts";
import { sumDials, sumNames } from "../../../src/sandbox/refused.ts";

describe("what a namespace refused", () => {
  it("lists what was dialled, and counts what the kernel did not list", () => {
    const refused = [{ address: "203.0.113.10", protocol: "tcp", port: 80, packets: 3 }];
    expect(
      sumDials({ refused, counters: { refused_out: 4, refused_dns: 2, refused_v6: 1, refused_in: 9, allowed_out: 7 } }),
    ).toEqual([
      { rule: "firewall.address", method: "TCP", target: "203.0.113.10:80", times: 3 },
      { rule: "firewall.other", method: "", target: furtherTargets, times: 3 },
      { rule: "firewall.ipv6", method: "", target: furtherTargets, times: 1 },
    ]);
    // Dialled between the two readings: nothing is made of it twice.
    expect(sumDials({ refused, counters: { refused_out: 1 } })).toHaveLength(1);
    expect(sumDials({ refused: [], counters: {} })).toEqual([]);
  });

  it("takes the resolver's last word on each name, and nothing of before the agent", () => {
    const lines = [
      '{"airlock":"resolver"}',
      '{"airlock":"name-refused","name":"example.com","times":2}',
      '{"airlock":"refusals-forgotten"}',
      '{"airlock":"name-refused","name":"a.test","times":1}',
      '{"airlock":"name-refused","name":"a.test","times":4}',
      '{"airlock":"name-refused","name":"","times":1}',
      '{"airlock":"further-names-refused","times":99}',
      ...[
        "",
        "null",
        "cut of",
        '{"airlock":"name-refused","name":7,"times":1}',
        '{"airlock":"name-refused","name":"x","times":"1"}',
      ],
    ];
    expect(sumNames(lines).map(({ target, times }) => [target, times])).toEqual([
      ["a.test", 4],
      [".", 1],
      [furtherTargets, 99],
    ]);
  });
});
