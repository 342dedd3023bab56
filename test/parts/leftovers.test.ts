import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { observeTraces } from "../../src/cli/test/leftovers.ts";

describe("leftovers", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "leftovers-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const observe = (engineSocket?: string) =>
    observeTraces({ engineSocket, temporaryFolder: join(folder, "tmp"), root: join(folder, "checkout") });

  it("are found among folders and processes", async () => {
    const before = await observe();
    for (const each of ["tmp/kept", "checkout/src"]) mkdirSync(join(folder, each), { recursive: true });
    writeFileSync(join(folder, "checkout/src/idle.ts"), 'process.stdout.write("up");\nprocess.stdin.resume();\n');
    const child = execa(process.execPath, [join(folder, "checkout/src/idle.ts")], {
      extendEnv: false,
      env: {},
      buffer: false,
      reject: false,
    });
    try {
      await once(child.stdout, "data");
      const found = [...(await observe())].filter((trace) => !before.has(trace));
      expect(found).toContain(`folder ${join(folder, "tmp/kept")}`);
      expect(found.some((trace) => trace.startsWith(`process ${child.pid} `))).toBe(true);
    } finally {
      child.kill();
      await child;
    }
    expect([...(await observe())].some((trace) => trace.startsWith(`process ${child.pid} `))).toBe(false);
  });

  it("are found in the engine, by each of our labels", async () => {
    const socket = "/var/run/docker.sock";
    const docker = new Docker({ socketPath: socket });
    const name = `airlock-leftover-${randomBytes(4).toString("hex")}`;
    await docker.createVolume({ Name: name, Labels: { "airlock.run": "test" } });
    try {
      expect(await observe(socket)).toContain(`volume ${name}`);
    } finally {
      await docker.getVolume(name).remove();
    }
    expect(await observe(socket)).not.toContain(`volume ${name}`);
  });
});
