import { release } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedChecks } from "../../src/sandbox/expected-checks.ts";
import { findIsolation } from "../../src/sandbox/find-isolation.ts";
import type { SandboxIsolation } from "../../src/sandbox/isolation.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";
import { openSecondEngine } from "../helpers/second-engine.ts";

/** Debian's gVisor is of 2022 and thus never chosen: the only real one to be had, and what is learned from it holds for its like. */
const runtimes = {
  runsc: { path: "/usr/bin/runsc", runtimeArgs: ["--platform=ptrace", "--network=none", "--fsgofer-host-uds"] },
};
const gvisor: SandboxIsolation = { kind: "gvisor", runtime: "runsc", kernel: release() };

let engine: TestEngine;
const held = new AsyncDisposableStack();
beforeAll(async () => {
  const { engine: from, imageId } = await openTestEngine();
  const second = held.use(await openSecondEngine({ runtimes, from, imageId }));
  engine = { engine: second.engine, imageId };
}, 400_000);
afterAll(() => held.disposeAsync(), 60_000);

describe("a sandbox under a real gVisor", { timeout: 200_000 }, () => {
  it("passes every check of the verification but those for which that version is too old", async () => {
    await using box = await openSandbox(engine, { isolation: gvisor });
    const { handle, spec, probeLine } = box;
    const seen = await verifySandbox({ engine: engine.engine, handle, spec, probeLine });
    const found = decideVerified(seen, expectedChecks);
    const failed = found.verified ? [] : found.failed.map(({ name, seen }) => `${name}: ${seen}`);
    // A 32-bit call reaches it only where the machine's kernel has the gate for it; by ptrace it then takes the call for a 64-bit one.
    expect(failed.filter((line) => line !== "calls.32-bit: given")).toEqual(["calls.io-uring: given"]);
    // The same sandbox is none under runc, whatever it says of itself.
    const asRunc = await verifySandbox({
      ...{ engine: engine.engine, handle, probeLine },
      spec: { ...spec, isolation: { kind: "runc", runtime: "runc", kernel: release() } },
    });
    expect(asRunc.flatMap(({ name, ok }) => (ok ? [] : [name]))).toEqual(
      expect.arrayContaining(["engine.runtime", "host.mounts", "host.disk", "host.privileges"]),
    );
  });

  it("does not pass for one where runc keeps it", async () => {
    const loosen = (config: { HostConfig: object }) => ({ ...config, HostConfig: { ...config.HostConfig, Runtime: "runc" } });
    await using box = await openSandbox(engine, { isolation: gvisor, loosen });
    const { handle, spec, probeLine } = box;
    const seen = await verifySandbox({ engine: engine.engine, handle, spec, probeLine });
    expect(seen.flatMap(({ name, ok }) => (ok ? [] : [name]))).toEqual(
      expect.arrayContaining(["isolation", "engine.runtime", "host.mounts"]),
    );
  });

  it("is not chosen, since it is old: auto says why, and a demand is refused", async () => {
    const auto = await findIsolation(engine.engine, { wish: "auto", mode: "sealed" });
    expect(auto).toMatchObject({
      ...{ made: { runtime: "runc" }, isolation: { kind: "runc", kernel: release() } },
      passedOver: expect.stringContaining("runsc is 0.0~20221219.0, older than release-"),
    });
    expect(await findIsolation(engine.engine, { wish: "runsc", mode: "sealed" })).toEqual({
      refused: expect.stringContaining("older than release-"),
    });
  });
});
