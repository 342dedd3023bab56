/** Runs the real agent in a real sandbox against the local model, once for each scenario, and gives what it asked. */
import { randomBytes, randomUUID } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { printUserMessage } from "../../src/agent/launch.ts";
import { startLocalModel } from "../../src/local/model/server.ts";
import { printRunId } from "../../src/run/identity.ts";
import type { Engine } from "../../src/sandbox/engine.ts";
import { endOfInput, printLaunch } from "../../src/sandbox/launch.ts";
import { readSettingsDigest } from "../../src/sandbox/managed-settings.ts";
import { attachInput, followOutput } from "../../src/sandbox/output.ts";
import { createSandbox, removeSandbox, startSandbox } from "../../src/sandbox/sandboxes.ts";
import { defaultLimits, defaultProbeTargets, type SandboxSpec } from "../../src/sandbox/spec.ts";
import { runUids } from "../../src/sandbox/uids.ts";
import { openRecorder } from "./recorder.ts";
import type { AgentScenario } from "./scenarios.ts";
import type { RecordedRequest } from "./shape.ts";

const playWithinMs = 240_000;

export async function playScenario(
  at: { engine: Engine; imageId: string; env: Readonly<Record<string, string>> },
  scenario: AgentScenario,
): Promise<RecordedRequest[]> {
  await using undo = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "airlock-shapes-"));
  undo.defer(() => rm(root, { recursive: true, force: true }));
  await chmod(root, 0o711);
  const repository = await makeRepository(root, at.env);
  const folder = join(root, "door");
  await mkdir(folder);
  await chmod(folder, 0o711);
  const run = printRunId(randomBytes(10));
  const owner = { instance: "agent-shapes", run };
  const uid = runUids.first + runUids.count - 2;
  const model = await startLocalModel({ key: "local" });
  undo.defer(() => model.close());
  model.setScenario({ turns: scenario.turns });
  const socketPath = join(folder, "gateway.sock");
  const recorder = undo.use(await openRecorder({ socketPath, repository, model, run }));
  await chown(socketPath, uid, uid);
  const spec: SandboxSpec = {
    ...owner,
    network: { mode: "sealed" },
    imageId: at.imageId,
    architecture: at.engine.info.architecture,
    settingsDigest: await readSettingsDigest(),
    tried: [],
    isolation: { kind: "runc", runtime: "runc", kernel: release() },
    uid,
    doorFolder: folder,
    limits: defaultLimits,
    probe: defaultProbeTargets,
  };
  undo.defer(() => removeSandbox(at.engine, owner));
  const handle = await createSandbox(at.engine, spec);
  await startSandbox(at.engine, handle);
  const input = await attachInput(at.engine, handle);
  undo.defer(() => void input.destroy());
  input.write(
    printLaunch({ mode: "agent", branch: "main", model: scenario.model, sessionId: randomUUID(), resume: false }) +
      scenario.says.map(printUserMessage).join("") +
      endOfInput,
  );
  for await (const _ of followOutput(at.engine, handle, { signal: AbortSignal.timeout(playWithinMs) })) {
    // Read to its end: then the agent has ended.
  }
  return recorder.requests;
}

async function makeRepository(root: string, path: Readonly<Record<string, string>>): Promise<string> {
  const tree = join(root, "tree");
  const repository = join(root, "repository.git");
  const env = { ...path, HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
  const who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.invalid"];
  const git = (...args: string[]) => execa("git", [...who, ...args], { env, extendEnv: false });
  await git("init", "--quiet", "--initial-branch=main", tree);
  await writeFile(join(tree, "README.md"), "hello\n");
  await git("-C", tree, "add", "README.md");
  await git("-C", tree, "commit", "--quiet", "-m", "Begin");
  await git("clone", "--quiet", "--bare", tree, repository);
  await git("-C", repository, "update-server-info");
  return repository;
}
