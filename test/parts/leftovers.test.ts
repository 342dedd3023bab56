import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { observeTraces } from "../../src/cli/test/leftovers.ts";

const engineSocket = "/var/run/docker.sock";

describe("leftovers", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "left-"));
    for (const each of ["tmp", "checkout/src/gateway", "run/aaaaaaaaaaaa", "run/bbbbbbbbbbbb"])
      mkdirSync(join(folder, each), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const observe = async (engine?: string) => {
    const place = { folder: join(folder, "data"), instance: "aaaaaaaaaaaa", runtimeFolder: join(folder, "run/aaaaaaaaaaaa") };
    const sources = { engineSocket: engine, temporaryFolder: join(folder, "tmp"), root: join(folder, "checkout"), place };
    return [...(await observeTraces(sources))].filter((trace) => trace.includes(folder) || trace.includes("airlock-leftover"));
  };

  it("are folders, and sockets of instances that no App answers for", async () => {
    mkdirSync(join(folder, "tmp/kept"));
    const app = createServer().listen(join(folder, "run/bbbbbbbbbbbb/app.sock"));
    await once(app, "listening");
    expect(await observe()).toEqual([`folder ${join(folder, "tmp/kept")}`, `sockets ${join(folder, "run/aaaaaaaaaaaa")}`]);
    app.close();
    await once(app, "close");
    expect(await observe()).toContain(`sockets ${join(folder, "run/bbbbbbbbbbbb")}`);
  });

  it.each([
    ["one of our own accounts", "gateway/main.ts", {}, true],
    ["a command of the tests", "airlock.ts", { TMPDIR: "tmp" }, true],
    ["not a command of somebody else's", "airlock.ts", {}, false],
  ])("are processes: %s", async (_, script, env: Record<string, string>, found) => {
    const file = join(folder, "checkout/src", script);
    writeFileSync(file, 'process.stdout.write("up");\nprocess.stdin.resume();\n');
    const placed = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, join(folder, value)]));
    const child = execa(process.execPath, [file], { extendEnv: false, env: placed, buffer: false, reject: false });
    const isSeen = async () => (await observe()).some((trace) => trace.startsWith(`process ${child.pid} `));
    try {
      await once(child.stdout, "data");
      expect(await isSeen()).toBe(found);
    } finally {
      child.kill();
      await child;
    }
    expect(await isSeen()).toBe(false);
  });

  it("are what bears one of our labels in the engine", async () => {
    const docker = new Docker({ socketPath: engineSocket });
    const name = `airlock-leftover-${randomBytes(4).toString("hex")}`;
    await docker.createVolume({ Name: name, Labels: { "airlock.run": "test" } });
    try {
      expect(await observe(engineSocket)).toContain(`volume ${name}`);
    } finally {
      await docker.getVolume(name).remove();
    }
    expect(await observe(engineSocket)).not.toContain(`volume ${name}`);
  });
});
