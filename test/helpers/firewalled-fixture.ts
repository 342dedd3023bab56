import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type LocalGitHub, startLocalGitHub } from "../../src/local/github/start.ts";
import { type LocalInternet, startLocalInternet } from "../../src/local/internet/start.ts";
import { printRunId } from "../../src/run/identity.ts";
import type { FirewallPlan } from "../../src/sandbox/firewall.ts";
import { makeGrantFolder, writeGrant, writeNames } from "../../src/sandbox/firewalled-folders.ts";
import { printLaunch } from "../../src/sandbox/launch.ts";
import { makeNamespace, type Namespace } from "../../src/sandbox/namespace.ts";
import { attachInput, followOutput } from "../../src/sandbox/output.ts";
import { createReach } from "../../src/sandbox/reach.ts";
import { createSandbox, removeSandbox, type SandboxHandle, startSandbox } from "../../src/sandbox/sandboxes.ts";
import { defaultLimits, defaultProbeTargets, type SandboxSpec } from "../../src/sandbox/spec.ts";
import { openDoor } from "./sandbox-door.ts";
import type { TestEngine } from "./sandbox-fixture.ts";

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
export interface FirewalledBox extends AsyncDisposable {
  spec: SandboxSpec;
  handle: SandboxHandle;
  namespace: Namespace;
  plan: FirewallPlan;
  namesFolder: string;
  probeLine: string;
  /** Runs a shell script as the agent would be run, and answers what it printed. Once. */
  shell(script: string): Promise<string>;
}

export interface BoxWish {
  token?: string;
  /** Changes the plan before it is made. */
  plan?: (plan: FirewallPlan) => FirewallPlan;
  /** What the probe takes for the host that answers. */
  answers?: string;
}

export async function openFirewalled(
  { engine, imageId }: TestEngine,
  { internet }: World,
  wish: BoxWish = {},
): Promise<FirewalledBox> {
  await using held = new AsyncDisposableStack();
  const run = printRunId(crypto.getRandomValues(new Uint8Array(10)));
  const owner = { instance: "test", run };
  const uid = 700_254;
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
    ...{ ...owner, network, imageId, uid, doorFolder: door.folder, limits: defaultLimits, probe: defaultProbeTargets },
    architecture: engine.info.architecture,
  };
  await writeNames(namesFolder, plan);
  await makeGrantFolder(grantFolder, { url: reach.githubUrl, gid: uid });
  if (wish.token !== undefined) await writeGrant(grantFolder, { token: wish.token, gid: uid });
  held.defer(() => removeSandbox(engine, owner));
  const namespace = await makeNamespace(engine, { spec, network, plan, connect: reach.connect });
  const handle = await createSandbox(engine, spec);
  await startSandbox(engine, handle);
  const input = await attachInput(engine, handle);
  held.defer(() => void input.destroy());
  const stop = new AbortController();
  held.defer(() => stop.abort());
  const output = followOutput(engine, handle, { signal: stop.signal });
  const first = await output.next();
  const kept = held.move();
  return {
    ...{ spec, handle, namespace, plan, namesFolder },
    probeLine: first.done === true ? "" : first.value.line,
    async shell(script) {
      input.write(printLaunch({ mode: "command", branch: "main", resume: false, argv: ["bash", "-c", script] }));
      const lines: string[] = [];
      for (;;) {
        const { value, done } = await output.next();
        if (done === true || value.line.startsWith('{"airlock":"finished"')) return lines.join("\n");
        if (!value.line.startsWith('{"airlock":')) lines.push(value.line);
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
