import { readFile } from "node:fs/promises";
import path from "node:path";
import type { NetworkInspectInfo } from "dockerode";
import { Fault } from "../fault.ts";
import type { SandboxCheck } from "../run/check.ts";
import type { Engine } from "./engine.ts";
import { type FirewallPlan, printRefresh, printRuleset } from "./firewall.ts";
import { statusOf } from "./image-stream.ts";
import { namespaceChecks } from "./namespace-checks.ts";
import { loadRules, readRules, rehearseRules } from "./nft.ts";
import { pauseConfig, pauseNetwork } from "./pause.ts";
import { joinRanges } from "./ranges.ts";
import { inspect } from "./sandboxes.ts";
import { readSeccompProfile } from "./seccomp.ts";
import { type Firewalled, pauseName, type SandboxSpec } from "./spec.ts";

/** A namespace in which the rules stand, verified, before anything of the agent's is made. */
export interface Namespace {
  pauseId: string;
  /** Of the pause container's first process, on the host. */
  pid: number;
  checks: SandboxCheck[];
}

export interface NamespaceWish {
  spec: SandboxSpec;
  network: Firewalled;
  plan: FirewallPlan;
  /** Makes another way out than the engine's bridge, which is then an internal one. Called when the rules stand already. */
  connect?: ((pid: number) => Promise<void>) | undefined;
}

/**
 * Makes network and pause container, loads the rules from outside, then looks at what is there. Nothing of the run is in it yet.
 * Throws Fault "engine.firewall". What it made is found and removed by removeSandbox.
 */
export async function makeNamespace(engine: Engine, wish: NamespaceWish): Promise<Namespace> {
  const { spec, network, plan, connect } = wish;
  const internal = connect !== undefined;
  const seccompProfile = await readSeccompProfile(spec.architecture);
  await engine.docker.createNetwork(pauseNetwork(spec, internal));
  const pause = await engine.docker.createContainer(pauseConfig(spec, network, seccompProfile));
  await pause.start();
  const pid = (await inspect(engine, pause.id))?.State.Pid ?? 0;
  // 0 would be our own namespace to nsenter, and the rules would shut the host.
  if (!(pid > 1)) throw gone(spec);
  const rules = printRuleset(await readTemplate(), plan);
  await loadRules(pid, rules);
  await connect?.(pid);
  const [text, seenRules, seenPause, seenNetwork] = await Promise.all([
    rehearseRules(rules),
    readRules(pid),
    inspect(engine, pause.id),
    findNetwork(engine, pauseName(spec.run)),
  ]);
  // A pause container that ended in between: its pid may be another's by now.
  if (seenPause?.State.Pid !== pid) throw gone(spec);
  const sight = { pause: seenPause, network: seenNetwork, rules: { ...seenRules, allowed: joinRanges(seenRules.allowed) } };
  const checks = namespaceChecks(sight, spec, {
    ...{ network, seccompProfile, internal },
    rules: { text, allowed: plan.ranges },
  });
  return { pauseId: pause.id, pid, checks };
}

/** Changes what a standing namespace may reach. False where there is none any more. */
export async function refreshNamespace(engine: Engine, run: SandboxSpec["run"], plan: FirewallPlan): Promise<boolean> {
  const seen = await inspect(engine, pauseName(run));
  const pid = seen?.State.Pid ?? 0;
  if (!seen?.State.Running || !(pid > 1)) return false;
  await loadRules(pid, printRefresh(plan));
  return true;
}

function readTemplate(): Promise<string> {
  return readFile(path.resolve(import.meta.dirname, "../../sandbox/firewall.nft"), "utf8");
}

async function findNetwork(engine: Engine, name: string): Promise<NetworkInspectInfo | undefined> {
  try {
    return await engine.docker.getNetwork(name).inspect();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function gone(spec: SandboxSpec): Fault {
  return new Fault("engine.firewall", `The container ${pauseName(spec.run)} ended before its firewall stood`, {
    remedy: "docker logs shows why; the engine's own log says more",
  });
}
