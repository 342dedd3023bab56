import { readFileSync } from "node:fs";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { followOutput } from "../../src/sandbox/output.ts";
import { inspect, removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { logSlackBytes, type SandboxLimits } from "../../src/sandbox/spec.ts";
import { type Boxes, createBoxes, type Mode, modes } from "../helpers/both-modes.ts";
import { controlFell } from "../helpers/control.ts";
import { openSandbox, openTestEngine, type TestEngine, type TestSandbox } from "../helpers/sandbox-fixture.ts";

let engine: TestEngine;
let boxes: Boxes;
beforeAll(async () => {
  engine = await openTestEngine();
  boxes = createBoxes(engine);
}, 400_000);
afterAll(async () => boxes?.[Symbol.asyncDispose]());

const mebibyte = 1024 ** 2;
const bash = (script: string) => ({ mode: "command", argv: ["bash", "-c", script], branch: "main", resume: false }) as const;

async function said(mode: Mode, script: string, limits: Partial<SandboxLimits> = {}): Promise<string> {
  await using box = await boxes.open(mode, { limits });
  box.launch(bash(script));
  await box.until(() => false);
  const lines = box.lines.slice(1).map(({ line }) => line);
  return lines.join("\n");
}
/** What the attempt came to with room for it, asked once: two modes are held to it. */
const undefended = new Map<string, Promise<string>>();
const withRoom = (name: string, script: string) => {
  const asked = undefended.get(name) ?? said("sealed", script);
  undefended.set(name, asked);
  return asked;
};

const forkAll = `import os, time
made = 0
try:
    for _ in range(400):
        if os.fork() == 0: time.sleep(20); os._exit(0)
        made += 1
except OSError as error: print("errno", error.errno)
print("made", made)`;
const room = { diskBytes: 256 * mebibyte, diskFiles: 10_000 };
const attempts: [name: string, script: string, limits: Partial<SandboxLimits>, stopped: RegExp, through: RegExp][] = [
  [
    "fills its disk: it alone has no space left",
    "head -c 400M /dev/zero >/work/filler; echo ended $?; stat -c %s /work/filler; rm /work/filler",
    room,
    /No space left on device/,
    new RegExp(`ended 0\n${400 * mebibyte}`),
  ],
  [
    "makes files without end: it alone runs out of them",
    "cd /work; mkdir many; for i in $(seq 6000); do : >many/$i || break; done; echo made $(ls many | wc -l)",
    { ...room, diskFiles: 2_000 },
    /No space left on device/,
    /made 6000/,
  ],
  [
    "forks without end: it alone gets no more processes",
    `python3 -c '${forkAll}'`,
    { processes: 100 },
    /errno 11\nmade \d{2}$/m,
    /made 400/,
  ],
  [
    "eats memory: it alone is ended",
    "python3 -c 'b = bytearray(700 << 20); print(len(b))'; echo $?",
    { memoryBytes: 512 * mebibyte },
    /^137$/m,
    new RegExp(`${700 * mebibyte}\n0`),
  ],
];

describe.each(modes)("a %s run that takes all that it can get", { timeout: 120_000 }, (mode) => {
  it.each(attempts)("[37] %s", async (name, script, limits, stopped, through) => {
    controlFell(through.test(await withRoom(name, script)), "the same with room for it");
    const held = await said(mode, script, limits);
    expect(held).toMatch(stopped);
    expect(held).not.toMatch(through);
  });
});

describe("what a run prints without end", { timeout: 120_000 }, () => {
  const print = (script: string) => bash(`yes "$(printf %04000d 0)" | head -c 80M; ${script}`);
  const logOf = async (box: TestSandbox) => {
    const path = (await inspect(engine.engine, box.handle.containerId))?.LogPath ?? "";
    const { stdout } = await execa("sh", ["-c", `cat ${path}* | wc -c`]);
    return Number(stdout);
  };

  it("[38] takes no more of the host's disk than twice its limit", async () => {
    const open = { Type: "json-file", Config: {} };
    await using loose = await openSandbox(engine, {
      loosen: (config) => ({ ...config, HostConfig: { ...config.HostConfig, LogConfig: open } }),
    });
    loose.launch(print("echo"));
    await loose.until(() => false);
    const most = 2 * (mebibyte + logSlackBytes) + mebibyte;
    controlFell((await logOf(loose)) > 80 * mebibyte && 80 * mebibyte > most, "a log without a limit");
    await using box = await openSandbox(engine, { limits: { outputBytes: mebibyte } });
    box.launch(print("echo"));
    await box.until(() => false);
    expect(await logOf(box)).toBeLessThan(most);
  });

  it("[38] on a single line is cut, and marked as cut", async () => {
    await using box = await openSandbox(engine, { limits: { outputBytes: 200 * mebibyte } });
    box.launch(bash("head -c 40M /dev/zero | tr '\\0' x"));
    await box.until(() => false);
    const longest = async (lineLimitBytes?: number) => {
      let found = { length: 0, cut: false };
      const wish = { signal: AbortSignal.timeout(60_000), ...(lineLimitBytes !== undefined && { lineLimitBytes }) };
      for await (const { line, cut } of followOutput(engine.engine, box.handle, wish))
        if (line.length > found.length) found = { length: line.length, cut };
      return found;
    };
    controlFell((await longest(100 * mebibyte)).length >= 40 * mebibyte, "a reader without a limit");
    expect(await longest()).toEqual({ length: 8 * mebibyte, cut: true });
  });
});

describe("a sandbox's disk", { timeout: 120_000 }, () => {
  it("leaves neither mount nor loop device nor file behind", async () => {
    await using box = await openSandbox(engine);
    const folder =
      (await inspect(engine.engine, box.handle.containerId))?.Mounts.find(({ Type }) => Type === "volume")?.Source ?? "";
    const mounted = () => readFileSync("/proc/self/mountinfo", "utf8").includes(folder);
    const loops = async () => (await execa("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"])).stdout;
    const image = folder.replace(/_data$/, "disk.img");
    expect(mounted()).toBe(true);
    expect(await loops()).toContain(image);
    await removeSandbox(engine.engine, box.spec);
    expect(mounted()).toBe(false);
    expect(await loops()).not.toContain(image);
  });
});
