import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import type { Gateway, OpenedDoor } from "../gateway/client.ts";
import type { ModelPolicy } from "../gateway/model/policy.ts";
import type { RecordStart } from "../gateway/record-start.ts";
import type { Accounts } from "../privilege/accounts.ts";
import { ensureFolder } from "../privilege/folder.ts";
import type { SandboxCheck } from "../run/check.ts";
import type { Fact } from "../run/fact.ts";
import type { RunId } from "../run/identity.ts";
import type { RunLimits } from "../run/limits.ts";
import { killedCodes } from "../run/waiting.ts";
import type { Engine } from "./engine.ts";
import { agentCheckNames, expectedChecksOf } from "./expected-checks.ts";
import { findIsolation } from "./find-isolation.ts";
import { makeGrantFolder, writeNames } from "./firewalled-folders.ts";
import { checkHelpers, demandSameHelpers, type Helper, helperCheckNames, observeHelpers } from "./helper-checks.ts";
import type { RuntimeWish, SandboxIsolation } from "./isolation.ts";
import { readSettingsDigest } from "./managed-settings.ts";
import { makeNamespace } from "./namespace.ts";
import { followOutput } from "./output.ts";
import { ownImageCheckNames } from "./own-image-checks.ts";
import type { Reach } from "./reach.ts";
import { forgetRefusals } from "./refusals.ts";
import { createSandbox, observeSandbox, removeSandbox, type SandboxHandle, startSandbox } from "./sandboxes.ts";
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
  /** What shall keep sandboxes apart from the host. */
  runtime: RuntimeWish;
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

/** What the agent's trial found, by image and keeper: it is made once for each, since neither changes as long as it has its name. */
const trials = new Map<string, readonly SandboxCheck[]>();

/** How long a fresh sandbox may take to say what its probe saw: longer than the agent's trial and its longest look together. */
const probeWithinMs = 90_000;

/**
 * Makes the run's sandbox, opens its door, starts it and verifies it, from inside and outside, before anything of the repository
 * or the agent is in it. Whatever is in doubt is a failed check.
 */
export async function readySandbox(parts: SandboxParts, run: SandboxRun): Promise<Fact> {
  const { engine } = parts;
  const found = await findIsolation(engine, { wish: parts.runtime, mode: run.mode ?? "sealed" });
  const helpersBefore = await observeHelpers(parts.helpers);
  // A sandbox of an attempt that did not live to verify it is not trusted: it is made anew.
  await removeSandbox(engine, { instance: parts.instance, run: run.id }, { keepVolume: run.goesOn === true });
  const ofImage = parts.image.checks ?? [];
  const imageWrong = ofImage.filter((check) => !check.ok).map((check) => check.name);
  // Nothing of such an image is started: not even the probe in it would be ours for sure.
  if (imageWrong.length > 0) return { is: "not-sealed", checks: [...ofImage], failed: imageWrong };
  if ("refused" in found) {
    const check = { name: "engine.runtime", side: "outside", ok: false, seen: found.refused.slice(0, 200) } as const;
    return { is: "not-sealed", checks: [check], failed: [check.name] };
  }
  const { isolation } = found;
  const trial = `${parts.image.id} ${found.made.runtime} ${isolation.version}`;
  const tried = run.tryAgent ? undefined : trials.get(trial);
  const spec = { ...specOf(parts, run, found.made), settingsDigest: await readSettingsDigest(), ...(tried && { tried }) };
  await makeDoorFolder(parts, run);
  await openRunDoor(parts, run);
  const namespace = await readyNamespace(parts, spec);
  const rulesWrong = namespace?.checks.filter((check) => !check.ok) ?? [];
  // Not even the probe starts behind rules that are in doubt.
  if (namespace && rulesWrong.length > 0)
    return { is: "not-sealed", checks: namespace.checks, failed: rulesWrong.map((check) => check.name), isolation };
  const handle = await createSandbox(engine, spec);
  await startSandbox(engine, handle);
  const probeLine = await readProbeLine(engine, handle);
  if (probeLine === "") await demandAlive(engine, handle);
  const seen = await verifySandbox({ engine, handle, spec, probeLine, ...(namespace && { pauseId: namespace.pauseId }) });
  const helped = await checkHelpers(parts.helpers, { paths: parts.secretPaths });
  const checks = [...seen, ...(namespace?.checks ?? []), ...helped, ...ofImage];
  const verdict = decideVerified(checks, [
    ...[...expectedChecksOf(spec.network.mode), ...helperCheckNames],
    ...(parts.image.checks ? ownImageCheckNames : []),
  ]);
  const ofAgent = seen.filter(({ name }) => (agentCheckNames as readonly string[]).includes(name));
  if (verdict.verified && !tried)
    trials.set(
      trial,
      ofAgent.map((check) => ({ ...check, seen: `${check.seen}, in this image before` })),
    );
  // What the probe dialled to see it refused is none of the run's.
  if (namespace && verdict.verified) await forgetRefusals(engine, namespace);
  if (verdict.verified) return { is: "sealed", checks: [...checks], isolation };
  // Some checks go by way of the gateway, and some look at the helpers themselves.
  await demandSameHelpers(parts.helpers, helpersBefore);
  return { is: "not-sealed", checks: [...checks], failed: verdict.failed.map((check) => check.name), isolation };
}

export interface SandboxRun {
  id: RunId;
  uid: number;
  /** Absent in runs of earlier versions: sealed. */
  mode?: "sealed" | "firewalled";
  /** The run's own, where they are not those of every run. */
  limits?: RunLimits;
  /** Home and working tree of an earlier sandbox are gone on with. */
  goesOn?: boolean;
  /** Where the run's record goes on, if it is not on this machine (any more). */
  recordAfter?: RecordStart;
  /** Try the agent in this one, though it was tried in its like. */
  tryAgent?: boolean;
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
  { id, limits, recordAfter }: Pick<SandboxRun, "id" | "limits" | "recordAfter">,
): Promise<OpenedDoor> {
  const folder = doorFolder(parts.runsFolder, id);
  const model = limits ? { ...parts.modelPolicy, budget: budgetOf(limits) } : parts.modelPolicy;
  return await parts.gateway.openDoor({
    run: id,
    folder,
    repository: `${id}.git`,
    model,
    ...(recordAfter && { after: recordAfter }),
  });
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

function specOf(parts: SandboxParts, run: SandboxRun, isolation: SandboxIsolation): Omit<SandboxSpec, "settingsDigest"> {
  return {
    instance: parts.instance,
    run: run.id,
    network: networkOf(parts, run),
    imageId: parts.image.id,
    architecture: parts.engine.info.architecture,
    isolation,
    uid: run.uid,
    ...(run.goesOn && { goesOn: true }),
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

/** What was killed while it was looked at has shown nothing against itself: it is made anew. Throws Fault "sandbox.died". */
async function demandAlive(engine: Engine, handle: SandboxHandle): Promise<void> {
  const seen = await observeSandbox(engine, handle);
  if (seen.state === "running" || (seen.state === "exited" && !killedCodes.includes(seen.exitCode))) return;
  throw new Fault("sandbox.died", "The sandbox ended under its checks", {
    remedy: "See whether the Docker engine was restarted, or the machine is out of memory, then set the label again",
  });
}

/** The first line of the sandbox's output, or "" where it does not come in time: then every inside check is missing, and fails. */
async function readProbeLine(engine: Engine, handle: SandboxHandle): Promise<string> {
  const signal = AbortSignal.timeout(probeWithinMs);
  for await (const { line } of followOutput(engine, handle, { signal })) return line;
  return "";
}
