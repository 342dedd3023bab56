import { readFileSync } from "node:fs";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { inspect, observeSandbox, removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
}, 400_000);

const mebibyte = 1024 ** 2;
const bash = (script: string) => ({ mode: "command", argv: ["bash", "-c", script], branch: "main", resume: false }) as const;

async function said(
  script: string,
  limits: Parameters<typeof openSandbox>[1] = {},
): Promise<{ text: string; exitCode: number; oomKilled: boolean }> {
  await using box = await openSandbox(engine, limits);
  box.launch(bash(script));
  await box.until(() => false);
  const seen = await observeSandbox(engine.engine, box.handle);
  const text = box.lines
    .slice(1)
    .map(({ line }) => line)
    .join("\n");
  return seen.state === "exited"
    ? { text, exitCode: seen.exitCode, oomKilled: seen.oomKilled }
    : { text, exitCode: -1, oomKilled: false };
}

describe("a run that takes all that it can get", { timeout: 120_000 }, () => {
  it("[37] fills its disk: it alone has no space left", async () => {
    const script = "head -c 400M /dev/zero >/work/filler; echo ended $?; stat -c %s /work/filler; rm /work/filler";
    const held = await said(script, { limits: { diskBytes: 256 * mebibyte, diskFiles: 10_000 } });
    expect(held.text).toContain("No space left on device");
    // The control: with room for it the same attempt goes through.
    const open = await said(script, { limits: { diskBytes: 1024 * mebibyte } });
    expect(open.text).toContain(`ended 0\n${400 * mebibyte}`);
  });

  it("[37] makes files without end: it alone runs out of them", async () => {
    const script = "cd /work; mkdir many; for i in $(seq 6000); do : >many/$i || break; done; echo made $(ls many | wc -l)";
    const held = await said(script, { limits: { diskBytes: 256 * mebibyte, diskFiles: 2_000 } });
    expect(held.text).toContain("No space left on device");
    expect((await said(script)).text).toContain("made 6000");
  });

  it("[37] forks without end: it alone gets no more processes", async () => {
    const script = "for i in $(seq 400); do sleep 30 & done; echo started; jobs -p | wc -l; kill $(jobs -p) 2>/dev/null; true";
    const held = await said(script, { limits: { processes: 100 } });
    expect(held.text).toMatch(/fork: (retry: )?Resource temporarily unavailable/);
    expect((await said(script)).text).toContain("started\n400");
  });

  it("[37] eats memory: it alone is ended, and it is known why", async () => {
    const script = "python3 -c 'b = bytearray(700 << 20); print(len(b))'; echo $?";
    const held = await said(script, { limits: { memoryBytes: 512 * mebibyte } });
    expect(held.text).not.toContain(`${700 * mebibyte}`);
    expect((await said(script)).text).toContain(`${700 * mebibyte}\n0`);
  });

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
