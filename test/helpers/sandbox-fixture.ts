import { release, tmpdir } from "node:os";
import path from "node:path";
import type { ContainerCreateOptions } from "dockerode";
import { printRunId, type RunId } from "../../src/run/identity.ts";
import { type Engine, openEngine } from "../../src/sandbox/engine.ts";
import { agentCheckNames } from "../../src/sandbox/expected-checks.ts";
import { ensureSandboxImage } from "../../src/sandbox/image.ts";
import type { Launch } from "../../src/sandbox/launch.ts";
import { printLaunch } from "../../src/sandbox/launch.ts";
import { readSettingsDigest } from "../../src/sandbox/managed-settings.ts";
import { attachInput, followOutput, type SandboxOutput } from "../../src/sandbox/output.ts";
import { createSandbox, removeSandbox, type SandboxHandle, startSandbox } from "../../src/sandbox/sandboxes.ts";
import { readSeccompProfile } from "../../src/sandbox/seccomp.ts";
import {
  defaultLimits,
  defaultProbeTargets,
  type SandboxConfig,
  type SandboxSpec,
  sandboxConfig,
} from "../../src/sandbox/spec.ts";
import { openDoor, type SandboxDoor, type Turn } from "./sandbox-door.ts";
import { sealedUid } from "./uids.ts";

export interface TestEngine {
  engine: Engine;
  imageId: string;
}

/** The real engine with the sandbox's image in it, built if need be. */
export async function openTestEngine(): Promise<TestEngine> {
  const engine = await openEngine();
  const { PATH = "", HOME = "", NODE_EXTRA_CA_CERTS = "" } = process.env;
  const image = await ensureSandboxImage({
    engine,
    architecture: engine.info.architecture,
    cacheFolder: path.join(tmpdir(), "airlock-sandbox-cache"),
    environment: { PATH, HOME, NODE_EXTRA_CA_CERTS },
  });
  return { engine, imageId: image.id };
}

/** As if the agent had been tried in an earlier sandbox. */
export const agentTried = agentCheckNames.map((name) => ({ name, side: "inside", ok: true, seen: "tried before" }) as const);

/** A started sandbox before its launch, and its door. Gone, volume and all, when it is disposed of. */
export interface TestSandbox extends AsyncDisposable {
  spec: SandboxSpec;
  handle: SandboxHandle;
  door: SandboxDoor;
  probeLine: string;
  send(line: string): void;
  launch(launch: Launch): void;
  /** All lines so far and to come, until one fits or the sandbox ends. Those seen are in `lines`. */
  until(fits: (line: string) => boolean): Promise<SandboxOutput | undefined>;
  lines: SandboxOutput[];
}

export interface TestSandboxOptions {
  files?: Record<string, string>;
  turns?: readonly Turn[];
  tunnels?: readonly string[];
  gitAway?: NonNullable<Parameters<typeof openDoor>[0]["gitAway"]>;
  limits?: Partial<SandboxSpec["limits"]>;
  /** What keeps it; runc where nothing is said. */
  isolation?: SandboxSpec["isolation"];
  /** Whether the agent itself is tried before: a second or more. */
  tryAgent?: boolean;
  /** Whose door it is, where it is not the sandbox's own. */
  doorRun?: string;
  /** Makes the container another than the one that Airlock asks for. */
  loosen?: (config: SandboxConfig) => ContainerCreateOptions;
}

export async function openSandbox({ engine, imageId }: TestEngine, options: TestSandboxOptions = {}): Promise<TestSandbox> {
  const run: RunId = printRunId(crypto.getRandomValues(new Uint8Array(10)));
  const owner = { instance: "test", run };
  const uid = sealedUid;
  await using undo = new AsyncDisposableStack();
  const door = undo.use(await openDoor({ ...options, run: options.doorRun ?? run, uid }));
  const spec: SandboxSpec = {
    ...owner,
    network: { mode: "sealed" },
    imageId,
    architecture: engine.info.architecture,
    isolation: options.isolation ?? { kind: "runc", runtime: "runc", kernel: release() },
    uid,
    doorFolder: door.folder,
    settingsDigest: await readSettingsDigest(),
    ...(!options.tryAgent && { tried: agentTried }),
    limits: { ...defaultLimits, ...options.limits },
    probe: defaultProbeTargets,
  };
  undo.defer(() => removeSandbox(engine, owner));
  let handle = await createSandbox(engine, spec);
  if (options.loosen) {
    await removeSandbox(engine, owner, { keepVolume: true });
    const config = options.loosen(sandboxConfig(spec, await readSeccompProfile(spec.architecture)));
    handle = { ...owner, containerId: (await engine.docker.createContainer(config)).id };
  }
  await startSandbox(engine, handle);
  const ear = await listenTo(engine, handle, undo);
  const close = undo.move();
  return { spec, handle, door, ...ear, [Symbol.asyncDispose]: () => close.disposeAsync() };
}

/** Reads a started sandbox's output, its probe's line first, and speaks to it. What it opened is closed by `undo`. */
export async function listenTo(
  engine: Engine,
  handle: SandboxHandle,
  undo: AsyncDisposableStack,
): Promise<Pick<TestSandbox, "probeLine" | "send" | "launch" | "until" | "lines">> {
  const input = await attachInput(engine, handle);
  undo.defer(() => void input.destroy());
  const stop = new AbortController();
  undo.defer(() => stop.abort());
  const output = followOutput(engine, handle, { signal: stop.signal });
  const lines: SandboxOutput[] = [];
  const until = async (fits: (line: string) => boolean) => {
    for (;;) {
      const { value, done } = await output.next();
      if (done === true) return undefined;
      lines.push(value);
      if (fits(value.line)) return value;
    }
  };
  const probe = await until(() => true);
  return {
    probeLine: probe?.line ?? "",
    send: (line) => void input.write(line),
    launch: (launch) => void input.write(printLaunch(launch)),
    until,
    lines,
  };
}
