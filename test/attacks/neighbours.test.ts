/** What one sandbox can do to a neighbour, and what the host does with what a sandbox leaves lying: on the real engine. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect, removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { sandboxConfig } from "../../src/sandbox/spec.ts";
import { execIn } from "../helpers/attack-kernel.ts";
import { type Boxes, createBoxes, modes } from "../helpers/both-modes.ts";
import { controlFell } from "../helpers/control.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";

let engine: TestEngine;
let boxes: Boxes;
beforeAll(async () => {
  engine = await openTestEngine();
  boxes = createBoxes(engine);
}, 400_000);
afterAll(async () => boxes?.[Symbol.asyncDispose]());

/** Takes all of what the kernel counts by uid, says so, and holds on to it. */
const takeAll = `import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
taken = 0
while libc.inotify_init1(0) >= 0: taken += 1
print("took", taken, ctypes.get_errno(), flush=True)
time.sleep(120)`;
const takeOne = `import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print("one", "ok" if libc.inotify_init1(0) >= 0 else "errno %d" % ctypes.get_errno())`;

/** A container as plain as can be, of that uid: only what the kernel counts is looked at. */
async function plain(uid: number, script: string) {
  const container = await engine.engine.docker.createContainer({
    ...{ Image: engine.imageId, User: `${uid}:${uid}`, Entrypoint: ["python3", "-c"], Cmd: [script] },
    HostConfig: { NetworkMode: "none", CapDrop: ["ALL"] },
  });
  await container.start();
  const logs = async () => String(await container.logs({ stdout: true, stderr: true }));
  return { container, logs, [Symbol.asyncDispose]: () => container.remove({ force: true }) as Promise<void> };
}

describe("a neighbour", { timeout: 120_000 }, () => {
  it("[77] of another uid still gets what the kernel counts by uid; of the same uid (the control) it gets none", async () => {
    // Far from the runs' range: runs of others on this machine must not feel it.
    const [one, other] = [712_345, 712_346];
    await using greedy = await plain(one, takeAll);
    await expect.poll(greedy.logs, { timeout: 30_000 }).toMatch(/took \d+ 24/);
    await using same = await plain(one, takeOne);
    await same.container.wait();
    // EMFILE, though it is another container with a namespace of its own for everything.
    controlFell((await same.logs()).includes("one errno 24"), "one of the same uid");
    await using apart = await plain(other, takeOne);
    await apart.container.wait();
    expect(await apart.logs()).toContain("one ok");
  });

  it.each(modes)("[77] of a %s sandbox cannot be signalled: no process of the host or another run is there", async (mode) => {
    await using box = await boxes.open(mode);
    const look =
      "ls /dev/mqueue /dev/shm 2>/dev/null | wc -l; ps -e 2>/dev/null | wc -l; ls -d /proc/[0-9]* | wc -l; kill -0 -1; echo $?";
    const text = await execIn(engine.engine, box.handle.containerId, `${box.spec.uid}`, ["bash", "-c", look]);
    const processes = Number(text.split("\n")[2]);
    expect(processes).toBeLessThan(20);
    // The host has far more, and sees the sandbox's among them.
    controlFell((await readdir("/proc")).filter((name) => /^\d+$/.test(name)).length > processes * 2, "without a namespace");
  });
});

describe.each(modes)("what the agent of a %s run leaves for the host to stumble over", { timeout: 120_000 }, (mode) => {
  let marks: string;
  beforeAll(async () => {
    marks = await mkdtemp(join(tmpdir(), "alh-"));
  });
  afterAll(() => rm(marks, { recursive: true, force: true }));

  it("[57] a core dump is not written, inside or on the host, and the host's pattern runs nothing for it", async () => {
    await using box = await boxes.open(mode);
    const crash =
      "cd /work && ulimit -c; ulimit -c unlimited; sleep 60 & kill -SEGV $!; wait $!; echo ended $?; ls -a /work /tmp | grep -c core";
    const text = await execIn(engine.engine, box.handle.containerId, `${box.spec.uid}`, ["bash", "-c", crash]);
    expect(text).toContain("ended 139");
    expect(text.trim().split("\n").at(-1)).toBe("0");
    expect(text).toMatch(/^0$/m);
    // The control: a container without the limit may raise its own, and the kernel then writes what its pattern says.
    await using open = await openSandbox(engine, {
      loosen: (config) => ({ ...config, HostConfig: { ...config.HostConfig, Ulimits: [] } }),
    });
    const raised = await execIn(engine.engine, open.handle.containerId, `${open.spec.uid}`, [
      "bash",
      "-c",
      "ulimit -c unlimited; ulimit -c",
    ]);
    controlFell(raised.trim() !== "0", "a container without that limit");
  });

  it("[57] a working folder that is a link, a planted program, a link at the volume's root: removal follows and runs none of it", async () => {
    const box = await boxes.open(mode);
    const canary = join(marks, "canary");
    await execa("sh", ["-c", `echo untouched > ${canary}`]);
    const seen = await inspect(engine.engine, box.handle.containerId);
    const volume = seen?.Mounts.find(({ Type }) => Type === "volume")?.Source ?? "";
    const plant = [
      "cd /work",
      `ln -s ${marks} out; ln -s / root; ln -s /proc/1/root host; ln -s ${canary} core; mkdir -p repo; ln -s ${canary} repo/patch.diff`,
      `printf '#!/bin/sh\\ntouch ${marks}/ran\\n' > sh; cp sh git; cp sh mount; cp sh umount; chmod +x sh git mount umount`,
      "mkfifo log; ln -s /dev/zero events",
    ].join("; ");
    await execIn(engine.engine, box.handle.containerId, `${box.spec.uid}`, ["bash", "-c", plant]);
    // The control: seen from the host, the links lead where they say, and a reader that follows paths reads the host's file.
    const followed = (await readFile(join(volume, "core"), "utf8")) === "untouched\n";
    controlFell(followed && (await readdir(join(volume, "out"))).includes("canary"), "a reader that follows");
    await removeSandbox(engine.engine, box.spec);
    await box[Symbol.asyncDispose]();
    expect(await readFile(canary, "utf8")).toBe("untouched\n");
    expect(existsSync(join(marks, "ran"))).toBe(false);
    expect(existsSync(volume)).toBe(false);
  });

  it("[57] the engine's log is the engine's: a sandbox that is created anew reads and writes nothing of the host's by a link", async () => {
    await using box = await boxes.open(mode);
    const seen = await inspect(engine.engine, box.handle.containerId);
    // Whatever the agent links in its own folders, the host reads output through the engine, from a file in a folder of root's.
    expect(seen?.LogPath).toMatch(/^\/var\/lib\/docker\/containers\//);
    expect(seen?.Mounts.every(({ Source }) => !seen.LogPath.startsWith(`${Source}/`))).toBe(true);
    const config = sandboxConfig(box.spec, "{}");
    // No writable bind mount: the only places that the host and the sandbox share are the door (read-only) and the volume.
    const binds = (config.HostConfig.Mounts ?? []).filter(({ Type }) => Type === "bind");
    expect(binds.filter(({ ReadOnly }) => ReadOnly !== true)).toEqual([]);
    const written = await execIn(engine.engine, box.handle.containerId, "0", ["bash", "-c", "touch /airlock/x; echo $?"]);
    expect(written).toContain("Read-only file system");
  });
});

describe("what of Airlock goes into a container", () => {
  it("[57] nothing of Airlock's reads a run's container by exec, cp or export, which follow what is planted in it", async () => {
    const entering = "ontainer(\\([^)]*\\))?\\.(exec|commit|export|getArchive|putArchive)\\(";
    const find = async (...places: string[]) => {
      const cwd = join(import.meta.dirname, "../..");
      return (await execa("grep", ["-rlE", entering, ...places], { cwd, reject: false })).stdout;
    };
    // An operator's own image is looked at in a container of it that never starts: no agent was ever in there.
    expect(await find("src")).toBe("src/sandbox/own-image.ts");
    // The control: where the tests themselves go in, it is found.
    controlFell((await find("test/helpers")).includes("attack-kernel.ts"), "the same search");
  });
});
