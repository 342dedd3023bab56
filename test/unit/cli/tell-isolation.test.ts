import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { printVerified } from "../../../src/cli/sandbox/verify.ts";
import { tellIsolation } from "../../../src/cli/tell-isolation.ts";
import type { Engine } from "../../../src/sandbox/engine.ts";
import { oldestGvisor } from "../../../src/sandbox/isolation.ts";
import { fakeTerminal } from "./fake-terminal.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "isolation-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What an engine answers; its runsc is a program that tells its version, as the engine's own is asked. */
function engineWith(of: { runc: string; gvisor?: string; args?: readonly string[] }): Engine {
  const path = join(folder, `runsc-${of.gvisor}`);
  writeFileSync(path, `#!/bin/sh\necho "runsc version ${of.gvisor}"\necho "spec: 1.1.0"\n`);
  chmodSync(path, 0o755);
  const runsc = { path, runtimeArgs: of.args ?? ["--network=none", "--host-uds=open"] };
  const docker = {
    version: async () => ({
      ...{ Version: "29.9.9", ApiVersion: "1.50", Arch: "amd64", Os: "linux" },
      Components: [{ Name: "runc", Version: of.runc, Details: { GitCommit: "" } }],
    }),
    info: async () => ({ Runtimes: { runc: { path: "runc" }, ...(of.gvisor !== undefined && { runsc }) } }),
  };
  return { docker } as unknown as Engine;
}

const told = async (engine: Engine, wish: "auto" | "runc" | "runsc" = "auto", mode: "sealed" | "firewalled" = "sealed") => {
  const terminal = fakeTerminal();
  await tellIsolation(engine, { wish, mode }, terminal);
  expect(terminal.outLines).toEqual([]);
  return terminal.errLines;
};
const current = `release-${oldestGvisor}.0`;

describe("the line at the start", () => {
  it("names what keeps sandboxes", async () => {
    expect(await told(engineWith({ runc: "9.9.9" }))).toEqual([
      `airlock: sandboxes are kept by runc 9.9.9 on Linux ${release()}`,
    ]);
    expect(await told(engineWith({ runc: "9.9.9", gvisor: current }))).toEqual([
      `airlock: sandboxes are kept by gVisor ${current} (a kernel of its own) on Linux ${release()}`,
    ]);
    expect((await told(engineWith({ runc: "9.9.9", gvisor: current }), "runc"))[0]).toContain("kept by runc");
  });

  it("[58] names each hole that is known of it, and why a gVisor that is there is not used", async () => {
    expect(await told(engineWith({ runc: "1.1.5" }))).toEqual([
      `airlock: sandboxes are kept by runc 1.1.5 on Linux ${release()}`,
      expect.stringMatching(/^airlock: runc .*CVE-/),
      expect.stringMatching(/^airlock: runc .*CVE-/),
    ]);
    expect((await told(engineWith({ runc: "9.9.9", gvisor: "release-20200101.0" }))).at(-1)).toMatch(
      /^airlock: gVisor is not used: the runtime runsc is release-20200101\.0, older than/,
    );
    expect((await told(engineWith({ runc: "9.9.9", gvisor: current }), "auto", "firewalled")).at(-1)).toContain(
      "firewall's rules",
    );
  });

  it("is no line but an end where gVisor is demanded and is not there as it must be", async () => {
    for (const engine of [
      engineWith({ runc: "9.9.9" }),
      engineWith({ runc: "9.9.9", gvisor: current, args: ["--network=none"] }),
    ])
      await expect(told(engine, "runsc")).rejects.toMatchObject({
        code: "engine.runtime",
        message: expect.stringContaining("runsc"),
      });
  });
});

describe("the table of sandbox verify", () => {
  const checks = [
    { name: "uid", side: "inside", ok: true, seen: "300000\u001b[2J" },
    { name: "engine.runtime", side: "outside", ok: false, seen: "runc" },
  ] as const;
  const printed = (isolation: Parameters<typeof printVerified>[0]["isolation"], failed: string[] = []) => {
    const terminal = fakeTerminal();
    printVerified({ checks: [...checks], failed, isolation }, terminal);
    return terminal;
  };

  it("has a line for each check, then what keeps the sandbox and what is known against it", () => {
    const terminal = printed({ kind: "runc", version: "1.1.5", kernel: "6.1.0", escapes: ["runc 1.1.5 has a hole"] }, [
      "engine.runtime",
    ]);
    expect(terminal.outLines).toEqual([
      expect.stringMatching(/^ +SIDE +CHECK +SEEN/),
      expect.stringMatching(/^ok +inside +uid +300000/),
      expect.stringMatching(/^FAILED +outside +engine\.runtime +runc/),
      "kept by runc 1.1.5 on Linux 6.1.0",
      "known: runc 1.1.5 has a hole",
    ]);
    expect(terminal.outLines.join("")).not.toContain("\u001b");
    expect(terminal.errLines).toEqual(["failed: engine.runtime"]);
  });

  it("says nothing of what keeps it where no sandbox was made", () => {
    expect(printed(undefined).outLines.join("\n")).not.toMatch(/kept by|known:/);
    expect(printed(undefined).errLines).toEqual(["2 checks, none failed"]);
  });
});
