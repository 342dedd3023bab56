import { describe, expect, it } from "vitest";
import { findGroupFolder, readCount } from "../../../src/sandbox/cgroup.ts";
import { decideMet, type Reading } from "../../../src/sandbox/gauge.ts";

const v1 = "9:name=systemd:/docker/abc\n8:pids:/docker/abc\n4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n";
const v1Mounts = [
  "20 1 0:20 / /proc rw - proc proc rw",
  "30 29 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  "31 29 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
  "32 29 0:28 / /sys/fs/cgroup/pids rw,nosuid shared:9 - cgroup cgroup rw,pids",
].join("\n");

describe("where the kernel counts", () => {
  it("is found in version 1, each controller by itself", () => {
    expect(findGroupFolder("pids", v1, v1Mounts)).toBe("/sys/fs/cgroup/pids/docker/abc");
    expect(findGroupFolder("cpu", v1, v1Mounts)).toBe("/sys/fs/cgroup/cpu,cpuacct/docker/abc");
    // Not mounted: rather nothing than another group's.
    expect(findGroupFolder("memory", v1, v1Mounts)).toBeUndefined();
  });

  it("is found in version 2", () => {
    const mounts = "30 29 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate";
    expect(findGroupFolder("memory", "0::/system.slice/docker-abc.scope\n", mounts)).toBe(
      "/sys/fs/cgroup/system.slice/docker-abc.scope",
    );
  });

  it("is found where only a part of the tree is mounted, and not outside of it", () => {
    const mounts = "30 29 0:26 /outer /sys/fs/cgroup rw - cgroup2 cgroup rw";
    expect(findGroupFolder("pids", "0::/outer/docker/abc\n", mounts)).toBe("/sys/fs/cgroup/docker/abc");
    expect(findGroupFolder("pids", "0::/elsewhere/abc\n", mounts)).toBeUndefined();
    expect(
      findGroupFolder("pids", "0::/../../elsewhere\n", "30 29 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw"),
    ).toBeUndefined();
  });

  it("has a number for each event, and none where there is no such line", () => {
    expect(readCount("low 0\noom 3\noom_kill 2\n", "oom_kill")).toBe(2);
    expect(readCount("max 17\n", "max")).toBe(17);
    expect(readCount("", "max")).toBe(0);
    expect(readCount("max x\n", "max")).toBe(0);
  });
});

describe("a limit", () => {
  const calm: Reading = { forksRefused: 0, oomKills: 0, periods: 10_000, throttledPeriods: 100 };
  const disk = { bytes: 8_000_000_000, freeBytes: 4_000_000_000, files: 1_000_000, freeFiles: 900_000 };
  it.each<[string, Partial<Reading>, string[]]>([
    ["none where all is well", { disk }, []],
    ["processes", { forksRefused: 1 }, ["processes"]],
    ["memory", { oomKills: 1 }, ["memory"]],
    ["disk", { disk: { ...disk, freeBytes: 0 } }, ["disk"]],
    ["inodes", { disk: { ...disk, freeFiles: 3 } }, ["inodes"]],
    ["processors, where it was slowed down most of the time", { periods: 300, throttledPeriods: 240 }, ["cpus"]],
    ["none for half a minute at full speed", { periods: 299, throttledPeriods: 299 }, []],
    ["none where the file system does not count files", { disk: { ...disk, files: 0, freeFiles: 0 } }, []],
  ])("is met: %s", (_what, seen, met) => {
    expect(decideMet({ ...calm, ...seen })).toEqual(met);
  });
});
