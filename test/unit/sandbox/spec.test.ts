import { describe, expect, it } from "vitest";
import type { RunId } from "../../../src/run/identity.ts";
import { defaultLimits, defaultProbeTargets, logSlackBytes, type SandboxSpec, sandboxConfig } from "../../../src/sandbox/spec.ts";

const spec: SandboxSpec = {
  instance: "one",
  run: "abcdefghijklmnop" as RunId,
  network: { mode: "sealed" },
  imageId: "sha256:feed",
  architecture: "amd64",
  settingsDigest: "f00d",
  isolation: { kind: "runc", runtime: "runc", kernel: "6.1.0" },
  uid: 700_003,
  doorFolder: "/run/airlock/abc/door",
  limits: defaultLimits,
  probe: defaultProbeTargets,
};

describe("the configuration of a sandbox", () => {
  const config = sandboxConfig(spec, '{"profile":1}');
  const host = config.HostConfig;

  it("gives it no network, no capability and no privilege", () => {
    expect(host).toMatchObject({ NetworkMode: "none", CapDrop: ["ALL"], Privileged: false, ReadonlyRootfs: true });
    expect(host.CapAdd).toBeUndefined();
    expect(host.SecurityOpt).toEqual(["no-new-privileges", 'seccomp={"profile":1}']);
  });

  it("leaves the engine's masked paths and its lists of devices alone", () => {
    for (const key of ["MaskedPaths", "ReadonlyPaths", "Devices", "Binds", "PidMode", "UsernsMode"])
      expect(host).not.toHaveProperty(key);
  });

  it("mounts the door read-only and the run's volume without a copy, and nothing else", () => {
    expect(host.Mounts).toMatchObject([
      { Type: "bind", Source: "/run/airlock/abc/door", Target: "/airlock", ReadOnly: true },
      {
        Type: "volume",
        Source: `airlock-${spec.run}-${spec.instance.slice(0, 6)}`,
        Target: "/work",
        VolumeOptions: { NoCopy: true },
      },
    ]);
  });

  it("carries the run's uid, its labels and no environment but a path", () => {
    expect(config).toMatchObject({
      User: "700003:700003",
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      Image: "sha256:feed",
      StdinOnce: false,
    });
    expect(config.Labels).toEqual({ "airlock.instance": "one", "airlock.run": "abcdefghijklmnop", "airlock.role": "sandbox" });
    expect(host.Tmpfs?.["/tmp"]).toContain("uid=700003,gid=700003");
  });

  it("rotates the log only beyond the limit that ends the run", () => {
    expect(Number(host.LogConfig?.Config["max-size"])).toBe(defaultLimits.outputBytes + logSlackBytes);
  });

  it("tells the probe what to dial, documentation addresses by default", () => {
    expect(config.Cmd?.slice(0, 4)).toEqual(["192.0.2.1", "169.254.169.254", "2001:db8::1", "probe.airlock.invalid"]);
  });

  it("is in another container's namespace where it is firewalled, and has nothing else more than a token", () => {
    const folders = { namesFolder: "/run/airlock/x/names", grantFolder: "/run/airlock/x/github" };
    const network = { mode: "firewalled", ...folders, answers: "https://github.com", refusedName: "example.com" } as const;
    const { HostConfig, ...firewalled } = sandboxConfig({ ...spec, network }, "{}");
    expect(HostConfig.NetworkMode).toBe(`container:airlock-${spec.run}-${spec.instance.slice(0, 6)}-net`);
    expect(HostConfig).toMatchObject({ CapDrop: ["ALL"], ReadonlyRootfs: true, Privileged: false });
    expect(HostConfig.CapAdd ?? []).toEqual([]);
    expect(firewalled.Env).toEqual(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
    expect(firewalled.Cmd?.slice(10)).toEqual(["https://github.com", "example.com"]);
    expect(HostConfig.Mounts?.map(({ Target, ReadOnly }) => `${Target} ${ReadOnly}`)).toEqual([
      "/airlock true",
      "/github true",
      "/work false",
    ]);
  });
});
