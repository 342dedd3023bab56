import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Accounts, ensureAccounts } from "../../src/privilege/accounts.ts";
import { callControl } from "../../src/privilege/control-client.ts";
import { ensureFolder } from "../../src/privilege/folder.ts";
import { type Daemon, type DaemonWish, findHealth, startDaemon } from "../../src/privilege/start.ts";

describe("a process of ours", () => {
  let folder: string;
  let accounts: Accounts;
  const started: Daemon[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "alk-d-"));
    await ensureFolder({ path: folder, mode: 0o711 });
    accounts = await ensureAccounts();
  });
  afterEach(async () => {
    for (const daemon of started.splice(0)) await daemon.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(change: Partial<DaemonWish> = {}): Promise<Daemon> {
    const daemon = await startDaemon({
      name: "echo",
      account: accounts?.["airlock-git"],
      script: new URL("../helpers/daemon-echo.ts", import.meta.url),
      network: "none",
      config: { secret: "canary-4711" },
      version: "1",
      instance: "test",
      controlSocket: join(folder, "echo", "control.sock"),
      ...change,
    });
    started.push(daemon);
    return daemon;
  }

  const ask = async (daemon: Daemon) =>
    JSON.parse((await callControl({ socketPath: daemon.controlSocket, method: "GET", path: "/self" })).body.toString());

  it("has its configuration, and no secret in arguments or environment", async () => {
    const daemon = await start();
    const self = await ask(daemon);
    expect(self.config).toEqual({ secret: "canary-4711" });
    expect(JSON.stringify([self.argv, self.env])).not.toContain("canary-4711");
    expect(Object.keys(self.env).sort()).toEqual(expect.arrayContaining(["HOME", "LANG", "PATH"]));
    expect(Object.keys(self.env).filter((name) => !["HOME", "LANG", "PATH", "PWD"].includes(name))).toEqual([]);
    expect(daemon.privilege).toBe(accounts ? "own-account" : "shared-uid");
  });

  it.skipIf(process.getuid?.() !== 0)("runs under its own account, without any capability, in a network of its own", async () => {
    const daemon = await start();
    const self = await ask(daemon);
    expect(self.status).toContain(`Uid:\t${accounts?.["airlock-git"].uid}\t`);
    expect(self.status).toMatch(/CapPrm:\t0+\n/);
    expect(self.status).toMatch(/NoNewPrivs:\t1\n/);
    expect(self.interfaces).toEqual(["lo"]);
    // The control: with the host's network it sees more than that, or at least does not share the namespace.
    const host = await start({ network: "host", controlSocket: join(folder, "host", "control.sock") });
    expect((await ask(host)).namespace).not.toBe(self.namespace);
  });

  it("is adopted by the same version, and replaced by another version, instance or configuration", async () => {
    const first = await start();
    const adopted = await start();
    expect([adopted.adopted, adopted.pid]).toEqual([true, first.pid]);
    for (const change of [{ version: "2" }, { instance: "other" }, { config: { secret: "x" } }]) {
      const before = await findHealth(first.controlSocket);
      const next = await start(change);
      expect([next.adopted, next.pid === before?.pid], JSON.stringify(change)).toEqual([false, false]);
    }
  });

  it("that dies is started again at the same socket, and ends for good when it is stopped", async () => {
    const lines: string[] = [];
    const daemon = await start({ logger: (line) => lines.push(line) });
    const first = daemon.pid;
    process.kill(first, "SIGKILL");
    await expect.poll(async () => (await daemon.health())?.pid ?? first, { timeout: 10_000 }).not.toBe(first);
    expect((await ask(daemon)).config).toEqual({ secret: "canary-4711" });
    await expect.poll(() => lines.join(), { timeout: 10_000 }).toContain("echo had died and was started again");
    expect(isRunning(daemon.pid)).toBe(true);
    await daemon.stop();
    expect(await daemon.health()).toBeUndefined();
  });

  it("that somebody else stopped is left to them", async () => {
    const first = await start();
    let revived = false;
    const watching = await start({ onRevived: () => (revived = true) });
    await first.stop();
    // Three of the looks that would find it dead.
    const seen = expect.poll(() => revived, { timeout: 1_600 }).toBe(true);
    expect(
      await seen.then(
        () => "revived",
        () => "left alone",
      ),
    ).toBe("left alone");
    expect(await watching.health()).toBeUndefined();
  });

  it("ends by itself when its folder is removed", async () => {
    const daemon = await start();
    await rm(join(folder, "echo"), { recursive: true });
    await expect.poll(() => isRunning(daemon.pid), { timeout: 10_000 }).toBe(false);
  });

  it("says where to look when it does not come up", async () => {
    const script = new URL("../helpers/no-such-daemon.ts", import.meta.url);
    await expect(start({ script })).rejects.toMatchObject({ code: "settings.daemon" });
  });

  it.skipIf(process.getuid?.() !== 0)("does not run as root by mistake", async () => {
    await expect(start({ account: undefined })).rejects.toMatchObject({ code: "settings.daemon" });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
