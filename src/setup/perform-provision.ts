import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { execa } from "execa";
import { Fault } from "../fault.ts";
import { openEngine } from "../sandbox/engine.ts";
import type { ProvisionStep } from "./decide-provision.ts";

export interface ProvisionFrame {
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  onLine: (line: string) => void;
  /** Where an engine that we start writes. */
  engineLog: string;
}

type Perform = { [K in ProvisionStep["do"]]: (step: Extract<ProvisionStep, { do: K }>, frame: ProvisionFrame) => Promise<void> };

/** What a step is called while it runs. */
export function titleOf(step: ProvisionStep): string {
  return step.do === "install" ? `Installing ${step.packages.join(", ")}` : "Starting the Docker engine";
}

export function performProvision(step: ProvisionStep, frame: ProvisionFrame): Promise<void> {
  return step.do === "install" ? perform.install(step, frame) : perform["start-engine"](step, frame);
}

const perform: Perform = {
  /** Throws Fault "engine.install". Running it again goes on where it broke off. */
  async install({ packages }, frame) {
    await run(frame, ["apt-get", "update", "-q"]);
    await run(frame, ["apt-get", "install", "-qy", "--no-install-recommends", ...packages]);
  },

  /** Throws Fault "engine.start". */
  async "start-engine"({ by }, frame) {
    // The package's own scripts may have started it by now.
    if (await answers(frame)) return;
    const started: { ended: boolean } = by === "systemd" ? await startBySystemd(frame) : await startDockerd(frame);
    const limit = AbortSignal.timeout(60_000);
    while (!(await answers(frame))) {
      frame.signal.throwIfAborted();
      if (limit.aborted || started.ended)
        throw new Fault("engine.start", "the Docker engine was started but does not answer", {
          remedy: await lastWords(by, frame),
        });
      await wait(100);
    }
  },
};

async function answers({ env }: ProvisionFrame): Promise<boolean> {
  try {
    await openEngine(env.DOCKER_HOST === undefined ? {} : { dockerHost: env.DOCKER_HOST });
    return true;
  } catch (error) {
    if (error instanceof Fault && error.code === "engine.away") return false;
    throw error;
  }
}

async function startBySystemd(frame: ProvisionFrame): Promise<{ ended: false }> {
  await run(frame, ["systemctl", "start", "docker"]);
  return { ended: false };
}

/** In the background and for good: it serves others too, and starting it again costs more than leaving it. `ended` turns true if it dies. */
async function startDockerd({ env, engineLog }: ProvisionFrame): Promise<{ ended: boolean }> {
  const started = { ended: false };
  const end = () => {
    started.ended = true;
  };
  const log = await open(engineLog, "a", 0o600);
  try {
    // Not execa: it knows no file descriptor for stdout, and a pipe to us would end with us.
    const engine = spawn("dockerd", [], { env: withSystemFolders(env), detached: true, stdio: ["ignore", log.fd, log.fd] });
    engine.on("error", end).on("exit", end).unref();
  } finally {
    await log.close();
  }
  return started;
}

async function lastWords(by: "systemd" | "dockerd", { engineLog }: ProvisionFrame): Promise<string> {
  if (by === "systemd") return "See journalctl -u docker";
  const lines = (await readFile(engineLog, "utf8")).trim().split("\n");
  return `See ${engineLog}; its last line: ${lines.at(-1)?.slice(0, 300)}`;
}

async function run({ env, signal, onLine }: ProvisionFrame, [program = "", ...args]: string[]): Promise<void> {
  const child = execa(program, args, {
    env: { ...withSystemFolders(env), DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
    extendEnv: false,
    stdin: "ignore",
    all: true,
    cancelSignal: signal,
    reject: false,
  });
  let last = "";
  for await (const line of child.iterable({ from: "all" })) {
    last = line;
    onLine(line);
  }
  const { exitCode } = await child;
  signal.throwIfAborted();
  if (exitCode === 0) return;
  throw new Fault("engine.install", `${[program, ...args].join(" ")} failed: ${last.slice(0, 300)}`, {
    remedy: "Run it by hand to see why; Airlock goes on from there when it is started again",
  });
}

/** Daemons and their helpers (iptables, containerd) live where a user's PATH need not lead. */
function withSystemFolders(env: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ...env,
    PATH: [env.PATH, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].filter(Boolean).join(":"),
  };
}
