import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type EngineAnswers, openEngine, parseEngineAddress, readInfo } from "../../../src/sandbox/engine.ts";
import { seccompProfile } from "../../../src/sandbox/seccomp.ts";
import { ensureUidsFree, findOverlaps } from "../../../src/sandbox/uids.ts";

const version = {
  Version: "20.10.24",
  ApiVersion: "1.41",
  Arch: "amd64",
  Os: "linux",
  Components: [{ Name: "runc", Version: "1.1.5" }],
};
const info = {
  OperatingSystem: "Debian GNU/Linux 12",
  SecurityOptions: ["name=seccomp,profile=default"],
  KernelVersion: "6.1",
  CgroupVersion: "2",
};

describe("the engine", () => {
  it("is supported where it is a local rootful Linux Docker", () => {
    expect(readInfo(version, info)).toMatchObject({
      version: "20.10.24",
      architecture: "amd64",
      cgroupVersion: "2",
    });
  });

  const others: [string, Partial<EngineAnswers["version"]>, EngineAnswers["info"]][] = [
    ["rootless", {}, { SecurityOptions: ["name=seccomp", "name=rootless"] }],
    ["with remapped user ids", {}, { SecurityOptions: ["name=seccomp", "name=userns"] }],
    ["without seccomp", {}, { SecurityOptions: [] }],
    ["Docker Desktop", {}, { OperatingSystem: "Docker Desktop" }],
    ["Podman", { Components: [{ Name: "Podman Engine", Version: "5" }] }, {}],
    ["for Windows", { Os: "windows" }, {}],
    ["too old", { ApiVersion: "1.40" }, {}],
    ["of another architecture", { Arch: "s390x" }, {}],
  ];
  it.each(others)("is refused with a sentence where it is %s", (_, versionChange, infoChange) => {
    expect(() => readInfo({ ...version, ...versionChange }, { ...info, ...infoChange })).toThrow(
      expect.objectContaining({ code: "engine.unsupported" }),
    );
  });

  it("is found at a Unix socket alone", () => {
    expect(parseEngineAddress(undefined)).toBe("/var/run/docker.sock");
    expect(parseEngineAddress("unix:///tmp/d.sock")).toBe("/tmp/d.sock");
    for (const address of ["tcp://127.0.0.1:2375", "ssh://root@host", "npipe:////./pipe/docker", "/tmp/d.sock"])
      expect(() => parseEngineAddress(address)).toThrow(expect.objectContaining({ code: "engine.unsupported" }));
  });

  it("is away where nothing answers", async () => {
    await expect(openEngine({ socketPath: "/nonexistent/docker.sock" })).rejects.toMatchObject({ code: "engine.away" });
  });
});

describe("the system call profile", () => {
  const committed = readFileSync(new URL("../../../sandbox/seccomp.json", import.meta.url), "utf8");
  it("is narrowed to the machine's own 64-bit calls", () => {
    expect(JSON.parse(seccompProfile(committed, "amd64")).architectures).toEqual(["SCMP_ARCH_X86_64"]);
    expect(JSON.parse(seccompProfile(committed, "arm64")).architectures).toEqual(["SCMP_ARCH_AARCH64"]);
  });

  it("denies by default, and allows none of the calls that reach past a container", () => {
    const profile = JSON.parse(committed) as {
      defaultAction: string;
      syscalls: { names: string[]; action: string; args?: unknown[] }[];
    };
    expect(profile.defaultAction).toBe("SCMP_ACT_ERRNO");
    const allowed = new Set(
      profile.syscalls.filter(({ action, args }) => action === "SCMP_ACT_ALLOW" && !args).flatMap(({ names }) => names),
    );
    const dangerous =
      "socket socketcall socketpair clone clone3 unshare setns mount umount2 pivot_root ptrace process_vm_readv bpf keyctl add_key perf_event_open userfaultfd io_uring_setup open_by_handle_at init_module kexec_load reboot swapon personality memfd_secret";
    expect(dangerous.split(" ").filter((name) => allowed.has(name))).toEqual([]);
    expect(allowed.has("read")).toBe(true);
  });
});

describe("the uids of runs", () => {
  it("are free where no subordinate range meets them", () => {
    ensureUidsFree("root:100000:65536\nuser:165536:65536\n\n# note\n");
    expect(findOverlaps("a:699999:1\nb:700256:65536")).toEqual([]);
  });

  it("[77] are refused where one does, at either end or around them", () => {
    for (const line of ["a:699999:2", "a:700255:1", "a:600000:200000", "a:700100:1"])
      expect(() => ensureUidsFree(`root:100000:65536\n${line}`)).toThrow(expect.objectContaining({ code: "engine.uids-taken" }));
  });
});
