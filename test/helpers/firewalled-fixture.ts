import { mkdtemp, rm } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import path from "node:path";
import { type LocalGitHub, startLocalGitHub } from "../../src/local/github/start.ts";
import { type LocalInternet, startLocalInternet } from "../../src/local/internet/start.ts";
import { printRunId } from "../../src/run/identity.ts";
import type { FirewallPlan } from "../../src/sandbox/firewall.ts";
import { makeGrantFolder, writeGrant, writeNames } from "../../src/sandbox/firewalled-folders.ts";
import { readSettingsDigest } from "../../src/sandbox/managed-settings.ts";
import { makeNamespace, type Namespace } from "../../src/sandbox/namespace.ts";
import { createReach } from "../../src/sandbox/reach.ts";
import { createSandbox, removeSandbox, startSandbox } from "../../src/sandbox/sandboxes.ts";
import { defaultLimits, defaultProbeTargets, type SandboxSpec } from "../../src/sandbox/spec.ts";
import { openDoor } from "./sandbox-door.ts";
import { agentTried, listenTo, type TestEngine, type TestSandbox } from "./sandbox-fixture.ts";
import { firewalledUid } from "./uids.ts";

export interface World extends AsyncDisposable {
  github: LocalGitHub;
  internet: LocalInternet;
}

/** A local GitHub at a documentation address, among strangers that write down what reaches them. */
export async function openWorld(): Promise<World> {
  await using held = new AsyncDisposableStack();
  const folder = held.adopt(await mkdtemp(path.join(tmpdir(), "airlock-world-")), (made) => rm(made, { recursive: true }));
  const github = held.use(await startLocalGitHub({ folder }));
  const internet = held.use(await startLocalInternet({ githubPort: Number(new URL(github.url).port) }));
  const kept = held.move();
  return { github, internet, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** A firewalled sandbox before its launch. */
export interface FirewalledBox extends TestSandbox {
  namespace: Namespace;
  plan: FirewallPlan;
  namesFolder: string;
  /** Runs a shell script as the agent would be run, and answers what it printed. Once. */
  shell(script: string): Promise<string>;
}

export interface BoxWish {
  token?: string;
  /** Changes the plan before it is made. */
  plan?: (plan: FirewallPlan) => FirewallPlan;
  /** What the probe takes for the host that answers. */
  answers?: string;
  limits?: Partial<SandboxSpec["limits"]>;
}

export async function openFirewalled(
  { engine, imageId }: TestEngine,
  { internet }: World,
  wish: BoxWish = {},
): Promise<FirewalledBox> {
  await using held = new AsyncDisposableStack();
  const run = printRunId(crypto.getRandomValues(new Uint8Array(10)));
  const owner = { instance: "test", run };
  const uid = firewalledUid;
  const folder = held.adopt(await mkdtemp(path.join(tmpdir(), "airlock-walled-")), (made) => rm(made, { recursive: true }));
  const [namesFolder, grantFolder] = [path.join(folder, "names"), path.join(folder, "github")];
  const door = held.use(await openDoor({ run, uid }));
  const reach = createReach({
    ...{ webUrl: "https://github.com", apiUrl: "https://api.github.com", world: internet },
    readMeta: () => Promise.reject(new Error("nobody is asked")),
    tell: () => {},
  });
  const plan = (wish.plan ?? ((one) => one))(await reach.plan());
  const network = {
    ...({ mode: "firewalled", namesFolder, grantFolder, refusedName: "example.com" } as const),
    answers: wish.answers ?? reach.githubUrl,
  };
  const spec: SandboxSpec = {
    ...{ ...owner, network, imageId, uid, doorFolder: door.folder, probe: defaultProbeTargets },
    architecture: engine.info.architecture,
    limits: { ...defaultLimits, ...wish.limits },
    settingsDigest: await readSettingsDigest(),
    tried: agentTried,
    isolation: { kind: "runc", runtime: "runc", kernel: release() },
  };
  await writeNames(namesFolder, plan);
  await makeGrantFolder(grantFolder, { url: reach.githubUrl, gid: uid });
  if (wish.token !== undefined) await writeGrant(grantFolder, { token: wish.token, gid: uid });
  held.defer(() => removeSandbox(engine, owner));
  const namespace = await makeNamespace(engine, { spec, network, plan, connect: reach.connect });
  const handle = await createSandbox(engine, spec);
  await startSandbox(engine, handle);
  const ear = await listenTo(engine, handle, held);
  const kept = held.move();
  return {
    ...{ spec, handle, door, namespace, plan, namesFolder, ...ear },
    async shell(script) {
      ear.launch({ mode: "command", branch: "main", resume: false, argv: ["bash", "-c", script] });
      const before = ear.lines.length;
      await ear.until((line) => line.startsWith('{"airlock":"finished"'));
      return ear.lines
        .slice(before)
        .flatMap(({ line }) => (line.startsWith('{"airlock":') ? [] : [line]))
        .join("\n");
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
