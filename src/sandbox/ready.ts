import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Gateway, OpenedDoor } from "../gateway/client.ts";
import type { ModelPolicy } from "../gateway/model/policy.ts";
import type { Accounts } from "../privilege/accounts.ts";
import { ensureFolder } from "../privilege/folder.ts";
import type { SandboxCheck } from "../run/check.ts";
import type { Fact } from "../run/fact.ts";
import type { RunId } from "../run/identity.ts";
import type { RunLimits } from "../run/limits.ts";
import type { Engine } from "./engine.ts";
import { expectedChecksOf } from "./expected-checks.ts";
import { makeGrantFolder, writeNames } from "./firewalled-folders.ts";
import { checkHelpers, type Helper, helperCheckNames } from "./helper-checks.ts";
import { makeNamespace } from "./namespace.ts";
import { followOutput } from "./output.ts";
import { ownImageCheckNames } from "./own-image-checks.ts";
import type { Reach } from "./reach.ts";
import { createSandbox, removeSandbox, type SandboxHandle, startSandbox } from "./sandboxes.ts";
import { defaultLimits, defaultProbeTargets, type ProbeTargets, type SandboxLimits, type SandboxSpec } from "./spec.ts";
import { decideVerified, verifySandbox } from "./verify.ts";

export interface SandboxParts {
  engine: Engine;
  gateway: Gateway;
  accounts: Accounts;
  instance: string;
  /** Where each run has a folder with its door. */
  runsFolder: string;
  /** `checks`: what was found in an image of the operator's own. */
  image: { id: string; checks?: readonly SandboxCheck[] };
  memoryBytes: number;
  /** Other limits of a sandbox, where they are not the usual ones. */
  limits?: Partial<SandboxLimits>;
  /** What firewalled runs may reach. */
  reach: Reach;
  /** The processes that meet the agent's bytes, and what they must not reach: looked at before every run. */
  helpers: readonly Helper[];
  secretPaths: readonly string[];
  /** What every run's calls of the model API are held to. */
  modelPolicy: ModelPolicy;
}

/** How long a fresh sandbox may take to say what its probe saw. */
const probeWithinMs = 30_000;

/**
 * Makes the run's sandbox, opens its door, starts it and verifies it, from inside and outside, before anything of the repository
 * or the agent is in it. Whatever is in doubt is a failed check.
 */
export async function readySandbox(parts: SandboxParts, run: SandboxRun): Promise<Fact> {
  const { engine } = parts;
  const spec = specOf(parts, run);
  // A sandbox of an attempt that did not live to verify it is not trusted: it is made anew.
  await removeSandbox(engine, { instance: parts.instance, run: run.id });
  const ofImage = parts.image.checks ?? [];
  const imageWrong = ofImage.filter((check) => !check.ok).map((check) => check.name);
  // Nothing of such an image is started: not even the probe in it would be ours for sure.
  if (imageWrong.length > 0) return { is: "not-sealed", checks: [...ofImage], failed: imageWrong };
  await makeDoorFolder(parts, run);
  await openRunDoor(parts, run);
  const namespace = await readyNamespace(parts, spec);
  const rulesWrong = namespace?.checks.filter((check) => !check.ok) ?? [];
  // Not even the probe starts behind rules that are in doubt.
  if (namespace && rulesWrong.length > 0)
    return { is: "not-sealed", checks: namespace.checks, failed: rulesWrong.map((check) => check.name) };
  const handle = await createSandbox(engine, spec);
  await startSandbox(engine, handle);
  const probeLine = await readProbeLine(engine, handle);
  const seen = await verifySandbox({ engine, handle, spec, probeLine, ...(namespace && { pauseId: namespace.pauseId }) });
  const helped = await checkHelpers(parts.helpers, { paths: parts.secretPaths });
  const checks = [...seen, ...(namespace?.checks ?? []), ...helped, ...ofImage];
  const verdict = decideVerified(checks, [
    ...[...expectedChecksOf(spec.network.mode), ...helperCheckNames],
    ...(parts.image.checks ? ownImageCheckNames : []),
  ]);
  if (verdict.verified) return { is: "sealed", checks: [...checks] };
  return { is: "not-sealed", checks: [...checks], failed: verdict.failed.map((check) => check.name) };
}

export interface SandboxRun {
  id: RunId;
  uid: number;
  /** Absent in runs of earlier versions: sealed. */
  mode?: "sealed" | "firewalled";
  /** The run's own, where they are not those of every run. */
  limits?: RunLimits;
  /** What the probe dials, where it is not what it dials by default. */
  probe?: Partial<ProbeTargets>;
}

async function readyNamespace(parts: SandboxParts, spec: SandboxSpec) {
  const { network } = spec;
  if (network.mode === "sealed") return undefined;
  const plan = await parts.reach.plan();
  await writeNames(network.namesFolder, plan);
  await makeGrantFolder(network.grantFolder, { url: parts.reach.githubUrl, gid: spec.uid });
  return makeNamespace(parts.engine, { spec, network, plan, connect: parts.reach.connect });
}

/** Idempotent: a gateway that was started anew in mid-run listens again where the sandbox looks for it. */
export async function openRunDoor(
  parts: Pick<SandboxParts, "gateway" | "runsFolder" | "modelPolicy">,
  { id, limits }: { id: RunId; limits?: RunLimits },
): Promise<OpenedDoor> {
  const folder = doorFolder(parts.runsFolder, id);
  const model = limits ? { ...parts.modelPolicy, budget: budgetOf(limits) } : parts.modelPolicy;
  return await parts.gateway.openDoor({ run: id, folder, repository: `${id}.git`, model });
}

function budgetOf({ budgetMicroUsd, budgetTokens }: RunLimits): NonNullable<ModelPolicy["budget"]> {
  return {
    ...(budgetMicroUsd !== undefined && { microUsd: budgetMicroUsd }),
    ...(budgetTokens !== undefined && { tokens: budgetTokens }),
  };
}

/** Those of a run's limits that its sandbox is made with. */
export function sandboxLimitsOf(limits: RunLimits): Partial<SandboxLimits> & { memoryBytes: number; outputBytes: number } {
  const { memoryBytes, cpus, processes, diskBytes, diskFiles, outputBytes } = limits;
  return { memoryBytes, cpus, processes, diskBytes, diskFiles, outputBytes };
}

/** Where a firewalled run's token lies, on the host. */
export function grantFolder(runsFolder: string, run: RunId): string {
  return join(runsFolder, run, "github");
}

export function namesFolder(runsFolder: string, run: RunId): string {
  return join(runsFolder, run, "names");
}

/** Anybody may hold it, so it is the name that a firewall is tried with; it is asked of our own resolver only. */
const refusedName = "example.com";

function networkOf(parts: SandboxParts, { id, mode }: SandboxRun): SandboxSpec["network"] {
  if (mode !== "firewalled") return { mode: "sealed" };
  const folders = { namesFolder: namesFolder(parts.runsFolder, id), grantFolder: grantFolder(parts.runsFolder, id) };
  return { mode, ...folders, answers: parts.reach.githubUrl, refusedName };
}

function specOf(parts: SandboxParts, run: SandboxRun): SandboxSpec {
  return {
    instance: parts.instance,
    run: run.id,
    network: networkOf(parts, run),
    imageId: parts.image.id,
    architecture: parts.engine.info.architecture,
    uid: run.uid,
    doorFolder: doorFolder(parts.runsFolder, run.id),
    limits: {
      ...{ ...defaultLimits, ...parts.limits, memoryBytes: parts.memoryBytes },
      ...(run.limits && sandboxLimitsOf(run.limits)),
    },
    probe: { ...defaultProbeTargets, ...run.probe },
  };
}

function doorFolder(runsFolder: string, run: RunId): string {
  return join(runsFolder, run, "door");
}

/** The gateway may make the socket in it, the run's uid may reach it, and nobody else. */
async function makeDoorFolder(parts: SandboxParts, run: { id: RunId; uid: number }): Promise<void> {
  const gateway = parts.accounts?.["airlock-gateway"];
  await ensureFolder({ path: join(parts.runsFolder, run.id), mode: 0o711 });
  const folder = doorFolder(parts.runsFolder, run.id);
  await mkdir(folder, { recursive: true });
  if (gateway) await chown(folder, gateway.uid, run.uid);
  await chmod(folder, 0o2710);
}

export async function removeRunFolder(runsFolder: string, run: RunId): Promise<void> {
  await rm(join(runsFolder, run), { recursive: true, force: true });
}

/** The first line of the sandbox's output, or "" where it does not come in time: then every inside check is missing, and fails. */
async function readProbeLine(engine: Engine, handle: SandboxHandle): Promise<string> {
  const signal = AbortSignal.timeout(probeWithinMs);
  for await (const { line } of followOutput(engine, handle, { signal })) return line;
  return "";
}
