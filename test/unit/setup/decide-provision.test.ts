import { describe, expect, it } from "vitest";
import { decideProvision, type MachineSeen } from "../../../src/setup/decide-provision.ts";
import { needs } from "../../../src/setup/needs.ts";

const ready: MachineSeen = { platform: "linux", isRoot: true, hasApt: true, hasSystemd: false, missing: [], engine: "up" };
const bare: MachineSeen = { ...ready, missing: needs.filter((need) => !need.testsOnly).map((need) => need.name), engine: "down" };

describe("provisioning", () => {
  it.each([true, false])("does nothing where all is there (--provision: %s)", (allowed) => {
    expect(decideProvision(ready, allowed)).toEqual({ verdict: "steps", steps: [] });
  });

  it("installs what is missing, each package once, then starts the engine", () => {
    const decided = decideProvision(bare, true);
    expect(decided).toEqual({
      verdict: "steps",
      steps: [
        {
          do: "install",
          packages: [
            "git",
            "docker.io",
            "util-linux",
            "debootstrap",
            "debian-archive-keyring",
            "ca-certificates",
            "e2fsprogs",
            "iproute2",
            "nftables",
          ],
        },
        { do: "start-engine", by: "dockerd" },
      ],
    });
  });

  it("starts the engine by systemd where that runs the machine", () => {
    expect(decideProvision({ ...ready, engine: "down", hasSystemd: true }, true)).toEqual({
      verdict: "steps",
      steps: [{ do: "start-engine", by: "systemd" }],
    });
  });

  it("without --provision names each missing thing with its package, and installs nothing", () => {
    const decided = decideProvision({ ...bare, missing: ["git", "dockerd", "nft"] }, false);
    expect(decided).toEqual({
      verdict: "refused",
      lines: [
        expect.stringMatching(/^git is missing .*package git$/),
        expect.stringMatching(/^dockerd is missing .*package docker\.io$/),
      ],
    });
  });

  it("without --provision does not start an engine either", () => {
    expect(decideProvision({ ...ready, engine: "down" }, false)).toEqual({
      verdict: "refused",
      lines: [expect.stringContaining("No Docker engine runs")],
    });
  });

  it("goes on without what only parts need", () => {
    expect(decideProvision({ ...ready, isRoot: false, missing: ["nft", "debootstrap"] }, false)).toEqual({
      verdict: "steps",
      steps: [],
    });
    expect(decideProvision({ ...ready, hasApt: false, missing: ["nft"] }, true)).toEqual({ verdict: "steps", steps: [] });
  });

  it("takes an engine that answers, whoever installed it", () => {
    expect(decideProvision({ ...ready, missing: ["dockerd"] }, false)).toEqual({ verdict: "steps", steps: [] });
    expect(decideProvision({ ...ready, missing: ["dockerd"] }, true)).toEqual({ verdict: "steps", steps: [] });
  });

  it.each([
    [{ ...bare, isRoot: false }, /needs root/],
    [{ ...bare, hasApt: false }, /apt-get, which is not here/],
    [{ ...ready, engine: "forbidden" }, /socket/],
    [{ ...ready, platform: "darwin" }, /needs Linux/],
  ] as [MachineSeen, RegExp][])("says why --provision cannot help (%#)", (seen, why) => {
    const decided = decideProvision(seen, true);
    expect(decided.verdict === "refused" ? decided.lines.join("\n") : "").toMatch(why);
  });
});
