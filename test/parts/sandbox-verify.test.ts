import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ContainerCreateOptions } from "dockerode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineLabels } from "../../src/run/identity.ts";
import { expectedChecks } from "../../src/sandbox/expected-checks.ts";
import type { SandboxConfig } from "../../src/sandbox/spec.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { openSandbox, openTestEngine, type TestEngine, type TestSandbox } from "../helpers/sandbox-fixture.ts";

let engine: TestEngine;
let folder: string;
/** A network without a way out: what a sandbox in it can reach is the engine's bridge. */
let network: { id: string; remove(): Promise<unknown> };
beforeAll(async () => {
  engine = await openTestEngine();
  folder = await mkdtemp(path.join(tmpdir(), "airlock-verify-"));
  await writeFile(path.join(folder, "docker.sock"), "");
  network = await engine.engine.docker.createNetwork({
    Name: `airlock-test-${process.pid}`,
    Internal: true,
    Labels: { [engineLabels.instance]: "test" },
  });
}, 400_000);
afterAll(async () => {
  await network.remove();
  await rm(folder, { recursive: true, force: true });
});

const verify = async ({ handle, spec, probeLine }: TestSandbox) =>
  decideVerified(await verifySandbox({ engine: engine.engine, handle, spec, probeLine }), expectedChecks);

describe("the verification of a sandbox", { timeout: 60_000 }, () => {
  it("finds nothing wrong with a fresh one, from inside and from outside", async () => {
    await using box = await openSandbox(engine);
    const found = await verify(box);
    expect(found).toMatchObject({ verified: true });
    expect(found.verified && found.checks.map(({ name }) => name).sort()).toEqual([...expectedChecks].sort());
  });

  const withHost = (change: (host: SandboxConfig["HostConfig"]) => object) => (config: SandboxConfig) => ({
    ...config,
    HostConfig: { ...config.HostConfig, ...change(config.HostConfig) },
  });
  const withoutOption = (name: string) =>
    withHost((host) => ({ SecurityOpt: host.SecurityOpt?.filter((option: string) => !option.startsWith(name)) }));
  const loosened: [string, (config: SandboxConfig) => ContainerCreateOptions, string[]][] = [
    ["on a network", withHost(() => ({ NetworkMode: network.id })), ["engine.network", "network.interfaces", "network.routes"]],
    ["with a capability", withHost(() => ({ CapAdd: ["NET_RAW"] })), ["capabilities", "engine.capabilities"]],
    [
      "without a system call filter",
      withHost(() => ({ SecurityOpt: ["no-new-privileges", "seccomp=unconfined"] })),
      [
        "seccomp",
        "engine.security-options",
        "calls.io-uring",
        "calls.user-namespace",
        "calls.ptrace",
        "sockets.netfilter",
        "sockets.vsock",
      ],
    ],
    ["under the engine's own filter", withoutOption("seccomp="), ["engine.security-options", "sockets.vsock", "calls.ptrace"]],
    ["that may gain privileges", withoutOption("no-new-privileges"), ["no-new-privileges", "engine.security-options"]],
    ["with a writable root", withHost(() => ({ ReadonlyRootfs: false })), ["engine.root", "root.mount"]],
    [
      "with the engine's socket",
      withHost(() => ({ Binds: [`${folder}/docker.sock:/run/docker.sock`] })),
      ["docker-socket", "engine.mounts"],
    ],
    [
      "with a writable door",
      withHost((host) => ({ Mounts: host.Mounts?.map((mount) => ({ ...mount, ReadOnly: false })) })),
      ["door.read-only", "engine.mounts"],
    ],
    [
      "with a device",
      withHost(() => ({ Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }] })),
      ["devices", "engine.devices"],
    ],
    ["as another uid", (config) => ({ ...config, User: "700254:700254" }), ["uid", "gid", "engine.user", "gateway"]],
    ["under another of the engine's runtimes", withHost(() => ({ Runtime: "io.containerd.runc.v2" })), ["engine.runtime"]],
    ["as root", (config) => ({ ...config, User: "0:0" }), ["uid", "gid", "engine.user"]],
    ["with another group besides", withHost(() => ({ GroupAdd: ["4"] })), ["groups", "engine.user"]],
    [
      "without limits",
      withHost(() => ({ PidsLimit: 0, Memory: 0, MemorySwap: 0, Ulimits: [] })),
      ["engine.limits", "core-dumps"],
    ],
    ["that sees the host's processes", withHost(() => ({ PidMode: "host" })), ["engine.namespaces"]],
    ["with something in its environment", (config) => ({ ...config, Env: ["GITHUB_TOKEN=x"] }), ["engine.environment"]],
    [
      "whose /proc and /sys are not masked",
      withHost(() => ({ MaskedPaths: [], ReadonlyPaths: [] })),
      ["engine.masked-paths", "kernel.proc-sys-mount"],
    ],
  ];
  it.each(loosened)("refuses one %s, and names the check", async (_, loosen, names) => {
    await using box = await openSandbox(engine, { loosen });
    const found = await verify(box);
    expect(found.verified ? [] : found.failed.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  it("refuses one whose home is not empty, but where its run goes on", async () => {
    const { DockerRootDir } = (await engine.engine.docker.info()) as { DockerRootDir: string };
    const plant = (config: SandboxConfig) => {
      writeFileSync(path.join(DockerRootDir, "volumes", config.name, "_data/planted"), "");
      return config;
    };
    await using box = await openSandbox(engine, { loosen: plant });
    const found = await verify(box);
    expect(found.verified === false && found.failed.map(({ name, seen }) => [name, seen])).toEqual([["home.empty", "planted"]]);
    // Nothing else is forgiven there: the same look, taken for one of a run that goes on.
    const { handle, probeLine } = box;
    const again = await verify({ ...box, handle, probeLine, spec: { ...box.spec, goesOn: true } });
    expect(again).toMatchObject({ verified: true });
    const worse = probeLine.replace('"name":"uid","ok":true', '"name":"uid","ok":false');
    expect(worse).not.toBe(probeLine);
    expect(await verify({ ...box, probeLine: worse, spec: { ...box.spec, goesOn: true } })).toMatchObject({ verified: false });
  });

  it("refuses one that has another run's door", async () => {
    await using box = await openSandbox(engine, { doorRun: "anotherrunanothe" });
    expect(await verify(box)).toEqual({
      verified: false,
      failed: [{ name: "gateway", side: "inside", ok: false, seen: "200 anotherrunanothe" }],
    });
  });

  it("refuses one in which something was executed from outside", async () => {
    await using box = await openSandbox(engine);
    const execution = await engine.engine.docker.getContainer(box.handle.containerId).exec({ Cmd: ["cat"], AttachStdin: true });
    const stream = await execution.start({ stdin: true, hijack: true });
    const found = await verify(box);
    stream.destroy();
    expect(found.verified ? [] : found.failed.map(({ name }) => name)).toEqual(["engine.executions"]);
  });

  it("refuses one that has ended, and one that is gone", async () => {
    await using box = await openSandbox(engine);
    await engine.engine.docker.getContainer(box.handle.containerId).kill();
    const ended = await verify(box);
    expect(ended.verified ? [] : ended.failed.map(({ name }) => name)).toContain("engine.running");
    await engine.engine.docker.getContainer(box.handle.containerId).remove();
    const gone = await verify(box);
    expect(gone.verified ? [] : gone.failed.map(({ name, seen }) => `${name} ${seen}`)).toContain("engine.network missing");
  });
});
