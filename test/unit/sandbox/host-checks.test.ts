import { describe, expect, it } from "vitest";
import { type HostSight, hostCheckNames, hostChecks } from "../../../src/sandbox/host-checks.ts";

const ids = "700003\t700003\t700003\t700003";
const sealed: HostSight = {
  interfaces: "Inter-|\n face |\n    lo: 0 0\n",
  mounts: [
    "76 50 0:39 / / ro,relatime - overlay overlay rw",
    "77 76 0:42 / /proc rw,nosuid - proc proc rw",
    "54 77 0:42 /sys /proc/sys ro,nosuid - proc proc rw",
    "80 76 0:46 / /sys ro,nosuid - sysfs sysfs ro",
    "94 76 254:0 /runs/x/door /airlock ro,relatime - ext4 /dev/vda rw",
    "95 76 254:0 /volumes/x /work rw,nosuid,nodev - ext4 /dev/loop3 rw",
  ].join("\n"),
  hostMounts: "",
  ownUserNamespace: false,
  status: `Uid:\t${ids}\nGid:\t${ids}\nGroups:\t\nCapInh:\t0000\nCapPrm:\t0000\nCapEff:\t0000\nCapBnd:\t0000\nCapAmb:\t0000\nNoNewPrivs:\t1\nSeccomp:\t2\n`,
};
const wanted = {
  mode: "sealed",
  isolation: "runc",
  volume: "airlock-x",
  uid: 700_003,
  mounts: [
    { target: "/airlock", readOnly: true },
    { target: "/work", readOnly: false },
  ],
} as const;
const failed = (seen: Partial<HostSight>) =>
  hostChecks({ ...sealed, ...seen }, wanted).flatMap(({ name, ok, seen: text }) => (ok ? [] : [`${name}: ${text}`]));

describe("what the host's kernel says of a sandbox", () => {
  it("is looked at in full, and holds for one of ours", () => {
    expect(hostChecks(sealed, wanted).map(({ name }) => name)).toEqual(hostCheckNames);
    expect(failed({})).toEqual([]);
  });

  it.each<[string, Partial<HostSight>, string]>([
    ["a second interface", { interfaces: `${sealed.interfaces}  eth0: 0 0\n` }, "host.network: eth0 lo"],
    ["no interfaces that could be read", { interfaces: "" }, "host.network: none"],
    [
      "a folder of the host's",
      { mounts: `${sealed.mounts}\n1 1 254:0 /etc /host rw - ext4 /dev/vda rw` },
      "host.mounts: /host (ext4)",
    ],
    ["one under /proc", { mounts: `${sealed.mounts}\n1 1 254:0 / /proc/x rw - ext4 /dev/vda rw` }, "host.mounts: /proc/x (ext4)"],
    ["a writable door", { mounts: sealed.mounts.replace("/airlock ro", "/airlock rw") }, "host.mounts: /airlock (ext4)"],
    ["a writable root", { mounts: sealed.mounts.replace("/ / ro", "/ / rw") }, "host.mounts: / (overlay)"],
    ["a disk that it shares", { mounts: sealed.mounts.replace("/dev/loop3", "/dev/vda") }, "host.disk: /dev/vda: no limit holds"],
    ["a capability", { status: sealed.status.replace("CapBnd:\t0000", "CapBnd:\t0400") }, "host.privileges: CapBnd 0400"],
    ["no filter", { status: sealed.status.replace("Seccomp:\t2", "Seccomp:\t0") }, "host.privileges: Seccomp 0"],
    ["a line that is missing", { status: sealed.status.replace(/NoNewPrivs.*\n/, "") }, "host.privileges: NoNewPrivs missing"],
    ["root", { status: sealed.status.replace(`Uid:\t${ids}`, "Uid:\t0\t0\t0\t0") }, "host.privileges: Uid 0\t0\t0\t0"],
  ])("does not hold with %s", (_, seen, complaint) => {
    expect(failed(seen)).toEqual([complaint]);
  });
});

/** As a real gVisor was seen to be: /proc of the process that is the sandbox's kernel. */
const nobody = "65534\t65534\t65534\t65534";
const guest: HostSight = {
  interfaces: sealed.interfaces,
  mounts: "151 180 0:64 / / ro,relatime - tmpfs runsc-root rw,uid=65534,gid=65534\n",
  status: `Uid:\t${nobody}\nGid:\t${nobody}\nGroups:\t \nCapInh:\t0024\nCapPrm:\t0024\nCapEff:\t0024\nCapBnd:\t01ff\nCapAmb:\t0024\nNoNewPrivs:\t1\nSeccomp:\t2\n`,
  hostMounts:
    "93 76 254:0 / /mnt rw - ext4 /dev/vda rw\n95 76 7:3 / /var/lib/docker/volumes/airlock-x/_data rw,nosuid,nodev - ext4 /dev/loop3 rw\n",
  ownUserNamespace: true,
};
const failedGuest = (seen: Partial<HostSight>) =>
  hostChecks({ ...guest, ...seen }, { ...wanted, isolation: "gvisor" }).flatMap(({ name, ok, seen: text }) =>
    ok ? [] : [`${name}: ${text}`],
  );

describe("what the host's kernel says of gVisor's", () => {
  it("is looked at in full, and holds for a real one", () => {
    expect(hostChecks(guest, { ...wanted, isolation: "gvisor" }).map(({ name }) => name)).toEqual(hostCheckNames);
    expect(failedGuest({})).toEqual([]);
  });

  it("is not what it says of a container under runc, and the other way round", () => {
    expect(hostChecks(guest, wanted).filter(({ ok }) => !ok)).toHaveLength(3);
    expect(failedGuest({ ...sealed, hostMounts: sealed.hostMounts })).not.toEqual([]);
  });

  it.each<[string, Partial<HostSight>, string]>([
    ["a second interface", { interfaces: `${sealed.interfaces}  eth0: 0 0\n` }, "host.network: eth0 lo"],
    [
      "a folder of the host's",
      { mounts: `${guest.mounts}1 1 254:0 /etc /host rw - ext4 /dev/vda rw` },
      "host.mounts: /host (ext4)",
    ],
    ["a writable root", { mounts: guest.mounts.replace("/ / ro", "/ / rw") }, "host.mounts: / (tmpfs)"],
    ["no mounts that could be read", { mounts: "" }, "host.mounts: gVisor's kernel sees none of the host's"],
    [
      "a disk that it shares",
      { hostMounts: guest.hostMounts.replace("/dev/loop3", "/dev/vda") },
      "host.disk: /dev/vda: no limit holds",
    ],
    ["no disk of its own", { hostMounts: "" }, "host.disk: none: no limit holds"],
    ["root", { status: guest.status.replace(`Uid:\t${nobody}`, "Uid:\t0\t0\t0\t0") }, "host.privileges: Uid 0\t0\t0\t0"],
    ["no filter", { status: guest.status.replace("Seccomp:\t2", "Seccomp:\t0") }, "host.privileges: Seccomp 0"],
    [
      "capabilities of the host's",
      { ownUserNamespace: false },
      "host.privileges: CapInh 0024, CapPrm 0024, CapEff 0024, CapAmb 0024",
    ],
  ])("does not hold with %s", (_, seen, complaint) => {
    expect(failedGuest(seen)).toEqual([complaint]);
  });
});
