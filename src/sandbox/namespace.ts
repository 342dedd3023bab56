import { readFile, rename, writeFile } from "node:fs/promises";
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
import { joinRanges, printRange } from "./ranges.ts";
import { inspect } from "./sandboxes.ts";
import { readSeccompProfile } from "./seccomp.ts";
import { type Firewalled, pauseName, type SandboxOwner, type SandboxSpec } from "./spec.ts";
import { checkWays, cutWays, layWays, readWays } from "./ways.ts";

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
  await layWays(pid);
  const [text, seenRules, seenWays, seenPause, seenNetwork] = await Promise.all([
    rehearseRules(rules),
    readRules(pid),
    readWays(pid),
    inspect(engine, pause.id),
    findNetwork(engine, pauseName(spec)),
  ]);
  // A pause container that ended in between: its pid may be another's by now.
  if (seenPause?.State.Pid !== pid) throw gone(spec);
  const found = seenRules ?? { text: "", allowed: [] };
  const sight = { pause: seenPause, network: seenNetwork, rules: { ...found, allowed: joinRanges(found.allowed) } };
  const checks = namespaceChecks(sight, spec, {
    ...{ network, seccompProfile, internal },
    rules: { text, allowed: plan.ranges },
  });
  await keepRules(network.namesFolder, { rules, text, addresses: printAddresses(plan.ranges) });
  return { pauseId: pause.id, pid, checks: [...checks, checkWays(seenWays)] };
}

/** What a standing namespace may reach. `folder`: the one with its names. */
export interface Refresh {
  owner: SandboxOwner;
  folder: string;
  plan: FirewallPlan;
}

/** Changes what a standing namespace may reach. False where there is none any more. */
export async function refreshNamespace(engine: Engine, { owner, folder, plan }: Refresh): Promise<boolean> {
  const pid = await findPid(engine, owner);
  if (pid === undefined) return false;
  const kept = await findKept(folder);
  const rules = printRuleset(await readTemplate(), plan);
  // Kept first: what is known may be ahead of what stands, never behind it.
  await keepRules(folder, { rules, text: kept?.text ?? (await rehearseRules(rules)), addresses: printAddresses(plan.ranges) });
  if (kept) await loadRules(pid, printRefresh(plan));
  else {
    // Made by an earlier version.
    await loadRules(pid, rules);
    await layWays(pid);
  }
  return true;
}

/** "absent": there is no such namespace, or nothing is known of its rules. `seen`: what was wrong, in a few words. */
export type Held = { is: "right" | "absent" } | { is: "restored" | "lost"; seen: string };

/**
 * Sees whether the rules of a standing namespace are the ones that were loaded last, and loads them anew where somebody on the host has
 * changed or flushed them. Connections that they do not allow end with that, since no rule lets pass what is established. What cannot be
 * restored is cut off. Throws Fault "engine.firewall" where it cannot be looked at: nothing is open then either, see ways.ts.
 */
export async function holdNamespace(engine: Engine, owner: SandboxOwner, folder: string): Promise<Held> {
  const pid = await findPid(engine, owner);
  const kept = await findKept(folder);
  if (pid === undefined || !kept) return { is: "absent" };
  const seen = await findWrong(pid, kept);
  if (seen === undefined) return { is: "right" };
  await loadRules(pid, kept.rules);
  await layWays(pid);
  if ((await findWrong(pid, kept)) === undefined) return { is: "restored", seen };
  await cutWays(pid);
  return { is: "lost", seen };
}

/** What of a namespace is not as it was made. */
async function findWrong(pid: number, kept: KeptRules): Promise<string | undefined> {
  const [rules, ways] = await Promise.all([readRules(pid), readWays(pid)]);
  if (rules === undefined) return "the firewall's rules were gone";
  if (rules.text !== kept.text) return "the firewall's rules were not those that were loaded";
  if (printAddresses(joinRanges(rules.allowed)) !== kept.addresses)
    return "the firewall's addresses were not those that were loaded";
  const { ok, seen } = checkWays(ways);
  return ok ? undefined : `the sandbox's ways out were ${seen}`;
}

/** Beside the names of the run, so that whichever process looks after it next knows what must stand. */
interface KeptRules {
  /** For loading them. */
  rules: string;
  /** As the kernel lists them. */
  text: string;
  addresses: string;
}

async function keepRules(folder: string, kept: KeptRules): Promise<void> {
  const file = path.join(folder, "rules.json");
  await writeFile(`${file}.new`, JSON.stringify(kept), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

async function findKept(folder: string): Promise<KeptRules | undefined> {
  try {
    return JSON.parse(await readFile(path.join(folder, "rules.json"), "utf8")) as KeptRules;
  } catch {
    return undefined;
  }
}

function printAddresses(ranges: FirewallPlan["ranges"]): string {
  return ranges.map(printRange).join(", ");
}

async function findPid(engine: Engine, owner: SandboxOwner): Promise<number | undefined> {
  const seen = await inspect(engine, pauseName(owner));
  const pid = seen?.State.Pid ?? 0;
  return seen?.State.Running && pid > 1 ? pid : undefined;
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
  return new Fault("engine.firewall", `The container ${pauseName(spec)} ended before its firewall stood`, {
    remedy: "docker logs shows why; the engine's own log says more",
  });
}
