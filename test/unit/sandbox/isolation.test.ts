import { describe, expect, it } from "vitest";
import { decideIsolation, oldestGvisor, type RuntimeSight } from "../../../src/sandbox/isolation.ts";

const args = ["--platform=systrap", "--network=none", "--host-uds=open"];
const current: RuntimeSight = { name: "runsc", version: "release-20260105.0", args };
const decide = (wish: "auto" | "runc" | "runsc", runtimes: RuntimeSight[], mode: "sealed" | "firewalled" = "sealed") =>
  decideIsolation({ wish, mode, runtimes, runcVersion: "1.1.5", kernel: "6.1.0" });

describe("what keeps a sandbox", () => {
  it("is gVisor where a current one is registered, and runc where there is none or it was asked for", () => {
    expect(decide("auto", [current])).toEqual({
      chosen: { kind: "gvisor", runtime: "runsc", kernel: "6.1.0" },
      version: "release-20260105.0",
    });
    expect(decide("runsc", [current])).toMatchObject({ chosen: { kind: "gvisor" } });
    expect(decide("auto", [])).toEqual({ chosen: { kind: "runc", runtime: "runc", kernel: "6.1.0" }, version: "1.1.5" });
    expect(decide("runc", [current])).toMatchObject({ chosen: { kind: "runc" } });
  });

  it("is refused where gVisor is demanded and not there", () => {
    expect(decide("runsc", [])).toEqual({ refused: expect.stringContaining("no runtime of the name runsc") });
  });

  it.each<[string, RuntimeSight, string]>([
    ["Debian's of 2022", { ...current, version: "0.0~20221219.0" }, "older than release-"],
    ["an old one", { ...current, version: "release-20251117.0" }, "older than release-"],
    ["one without a version", { ...current, version: "" }, "does not tell its version"],
    ["one built from a commit", { ...current, version: "VERSION_MISSING" }, "does not tell its version"],
    ["one that brings a network", { ...current, args: args.filter((arg) => !arg.includes("network")) }, "--network=none"],
    ["one with its stack on a network", { ...current, args: [...args.slice(2), "--network=sandbox"] }, "--network=none"],
    ["one that cannot reach the door", { ...current, args: args.slice(0, 2) }, "--host-uds=open"],
  ])("is runc with a word about it, or refused, where gVisor is %s", (_, runtime, words) => {
    expect(decide("auto", [runtime])).toMatchObject({
      ...{ chosen: { kind: "runc" }, version: "1.1.5" },
      passedOver: expect.stringContaining(words),
    });
    expect(decide("runsc", [runtime])).toEqual({ refused: expect.stringContaining(words) });
  });

  it("takes the first that fits of several, and the oldest that is current", () => {
    const old = { ...current, version: "release-20230301.0" };
    const other = { ...current, name: "runsc-sealed", version: `release-${oldestGvisor}.0` };
    expect(decide("auto", [other, old])).toMatchObject({ chosen: { runtime: "runsc-sealed" } });
  });

  it("is never gVisor in firewalled mode, whose rules its network stack would pass by", () => {
    expect(decide("auto", [current], "firewalled")).toMatchObject({
      ...{ chosen: { kind: "runc" } },
      passedOver: expect.stringContaining("firewall"),
    });
    expect(decide("runsc", [current], "firewalled")).toEqual({ refused: expect.stringContaining("firewall") });
  });
});
