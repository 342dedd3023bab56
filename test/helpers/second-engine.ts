import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { type Engine, openEngine } from "../../src/sandbox/engine.ts";
import { layImage } from "./lay-image.ts";
import { until } from "./until.ts";

export interface SecondEngine extends AsyncDisposable {
  engine: Engine;
  socketPath: string;
  /** Ends it as a system's shutdown does, lets `whileAway` happen, and starts it again on its data. */
  restart(whileAway?: () => Promise<void>): Promise<void>;
  /**
   * `kill -9`. Of the engine alone: its containers live on until it is back. Or of everything as where the machine loses its power:
   * containers and all who saw them, what is mounted, and what lies in /run.
   */
  crash(of: "engine" | "machine"): Promise<void>;
  /** After a crash. */
  start(): Promise<void>;
}

/** An engine of the test's own, without a network, beside the machine's; `runtimes` as in its daemon.json. Has the image `imageId` (or of that name) of `from`. */
export async function openSecondEngine(of: { runtimes?: object; from: Engine; imageId: string }): Promise<SecondEngine> {
  await using held = new AsyncDisposableStack();
  const folder = held.adopt(await mkdtemp(path.join(tmpdir(), "ale-")), (made) => rm(made, { recursive: true, force: true }));
  const at = (name: string) => path.join(folder, name);
  // A crashed engine leaves its mounts, and each start puts another one over its data. Where the crash came between a container's first
  // moment and the engine's note of it, it leaves the container too, which holds them.
  held.defer(async () => {
    await endAll(folder);
    await unmountBelow(folder);
  });
  await writeFile(at("daemon.json"), JSON.stringify({ runtimes: of.runtimes ?? {} }));
  const roots = [
    "--config-file",
    at("daemon.json"),
    "--data-root",
    at("data"),
    "--exec-root",
    at("exec"),
    "--pidfile",
    at("pid"),
  ];
  const alone = ["--bridge", "none", "--iptables=false", "--ip6tables=false", "-H", `unix://${at("docker.sock")}`];
  const socketPath = at("docker.sock");
  // In a namespace of its own: without a bridge it takes away docker0, which is the machine's.
  const begin = () => {
    const daemon = spawn("unshare", ["--net", "--", "dockerd", ...roots, ...alone], {
      stdio: "ignore",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    });
    return { daemon, ended: once(daemon, "exit") };
  };
  const isLaid = await layImage({ from: of.from, imageId: of.imageId, data: at("data") });
  let running = begin();
  const isDown = () => running.daemon.exitCode !== null || running.daemon.signalCode !== null;
  const answers = () =>
    until("the second engine answers", async () => {
      // As a system's supervisor does: after a crash the first start may meet what the old one left.
      if (isDown()) running = begin();
      return openEngine({ socketPath }).catch(() => undefined);
    });
  const end = async () => {
    if (isDown()) await answers();
    running.daemon.kill("SIGTERM");
    await running.ended;
  };
  held.defer(end);
  const engine = await answers();
  if (!isLaid) {
    const loaded = await engine.docker.loadImage(await of.from.docker.getImage(of.imageId).get());
    for await (const _ of loaded as AsyncIterable<Buffer>);
  }
  const start = async () => {
    if (isDown()) running = begin();
    await answers();
  };
  const kept = held.move();
  return {
    ...{ engine, socketPath, start },
    async restart(whileAway = async () => {}) {
      await end();
      await whileAway();
      await start();
    },
    async crash(what) {
      running.daemon.kill("SIGKILL");
      await running.ended;
      if (what === "machine") await endAll(folder);
      // Its containerd dies with it, in a moment.
      await until("what the engine had started to end", async () => {
        const left = await processesOf(at("exec"), what === "engine" ? "containerd-shim" : undefined);
        return left.length === 0;
      });
      // Dead, but counted among the living until whoever is its parent now has taken note: the next engine would wait for it in vain.
      await rm(at("exec/containerd/containerd.pid"), { force: true });
      if (what === "engine") return;
      await unmountBelow(folder);
      await rm(at("exec"), { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Whatever an engine that is down has left at work: who would see the end of a container goes before it. */
async function endAll(folder: string): Promise<void> {
  await until("what the engine had started to end", async () => {
    const left = [...(await processesOf(path.join(folder, "exec"))), ...(await containedBelow(folder))];
    for (const pid of left) killNow(pid);
    return left.length === 0;
  });
}

/** Processes that are named with this folder, but for those of the program `not`. */
async function processesOf(folder: string, not?: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await pids()) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(folder) && !line.includes("dockerd\0") && (not === undefined || !line.includes(not))) found.push(pid);
  }
  return found;
}

/** Processes in containers, by where their root lies: who started them may be gone. */
async function containedBelow(folder: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await pids()) {
    const mounts = await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "");
    const root = mounts.split("\n").find((row) => row.split(" ")[4] === "/");
    if (root?.includes(`${folder}/`)) found.push(pid);
  }
  return found;
}

async function pids(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Ended in between.
  }
}

/** The innermost first, and as often as something is mounted there. */
async function unmountBelow(folder: string): Promise<void> {
  await until(`nothing to be mounted below ${folder}`, async () => {
    const rows = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((row) => row.split(" ")[4] ?? "");
    const mounted = rows.filter((point) => point.startsWith(`${folder}/`));
    if (mounted.length === 0) return true;
    for (const point of mounted.reverse()) await execa("umount", [point], { reject: false });
    return false;
  });
}
