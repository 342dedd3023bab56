import { chmod } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerInfo, ContainerInspectInfo, VolumeInspectInfo } from "dockerode";
import { Fault } from "../fault.ts";
import { engineLabels, type RunId } from "../run/identity.ts";
import { ensureDisk, giveFolder, releaseDisk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import { statusOf } from "./image-stream.ts";
import { readSeccompProfile } from "./seccomp.ts";
import { type SandboxOwner, type SandboxSpec, sandboxConfig, sandboxLabels, sandboxName } from "./spec.ts";

export interface SandboxHandle extends SandboxOwner {
  containerId: string;
}

export type SandboxSight =
  | { state: "absent" }
  | { state: "created" | "running"; containerId: string }
  | { state: "exited"; containerId: string; exitCode: number; oomKilled: boolean };

/**
 * Makes the run's volume and its container, or finds them; does not start it. Throws Fault "engine.name-taken" where something
 * that is not ours has the name, "engine.not-root" where the volume cannot be given to the run's uid.
 */
export async function createSandbox(engine: Engine, spec: SandboxSpec): Promise<SandboxHandle> {
  const owner = { instance: spec.instance, run: spec.run };
  const found = await findSandbox(engine, owner);
  if (found) return found;
  const config = sandboxConfig(spec, await readSeccompProfile(spec.architecture));
  await ensureVolume(engine, spec);
  try {
    const container = await engine.docker.createContainer(config);
    return { ...owner, containerId: container.id };
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    // The name was taken in between: by an attempt of ours whose answer was lost, or by somebody else.
    const ours = await findSandbox(engine, owner);
    if (ours) return ours;
    throw nameTaken(`container ${config.name}`);
  }
}

export async function findSandbox(engine: Engine, owner: SandboxOwner): Promise<SandboxHandle | undefined> {
  const [found] = await list(engine, owner);
  return found && { instance: owner.instance, run: owner.run, containerId: found.Id };
}

export async function observeSandbox(engine: Engine, owner: SandboxOwner): Promise<SandboxSight> {
  const found = await findSandbox(engine, owner);
  const seen = found && (await inspect(engine, found.containerId));
  return seen ? readSight(seen) : { state: "absent" };
}

/** Does nothing to one that runs already; one that has ended is not started again. */
export async function startSandbox(engine: Engine, handle: SandboxHandle): Promise<void> {
  const seen = await inspect(engine, handle.containerId);
  if (seen && readSight(seen).state !== "created") return;
  try {
    await engine.docker.getContainer(handle.containerId).start();
  } catch (error) {
    if (statusOf(error) !== 304) throw error;
  }
}

/** SIGTERM, and SIGKILL `graceMs` (whole seconds count) later. Resolves when it has stopped; one that is gone has stopped. */
export async function stopSandbox(engine: Engine, handle: SandboxHandle, { graceMs }: { graceMs: number }): Promise<void> {
  try {
    await engine.docker.getContainer(handle.containerId).stop({ t: Math.ceil(graceMs / 1000) });
  } catch (error) {
    if (statusOf(error) !== 304 && statusOf(error) !== 404) throw error;
  }
}

/**
 * Removes the run's container, running or not, and its volume; resolves when they are gone. `keepVolume`: home and work stay, for a
 * session that is resumed. Throws Fault "engine.stuck" where the engine still has them after ten seconds.
 */
export async function removeSandbox(engine: Engine, owner: SandboxOwner, options: { keepVolume?: boolean } = {}): Promise<void> {
  for (const endMs = Date.now() + 10_000; Date.now() < endMs; await delay(50)) {
    const containers = await list(engine, owner);
    for (const { Id } of containers) await whereThere(() => engine.docker.getContainer(Id).remove({ force: true, v: true }));
    // What shares a namespace goes before what owns it: no moment in which the agent is somewhere without its rules.
    const namespaces = containers.length === 0 ? await removeNamespace(engine, owner) : 1;
    if (options.keepVolume === true && containers.length + namespaces === 0) return;
    const volumes = options.keepVolume === true ? [] : await listVolumes(engine, owner);
    for (const { Mountpoint } of volumes) await releaseDisk(Mountpoint);
    for (const { Name } of volumes) await whereThere(() => engine.docker.getVolume(Name).remove({ force: true }));
    if (containers.length + namespaces + volumes.length === 0) return;
  }
  throw new Fault("engine.stuck", `The engine does not let go of ${sandboxName(owner)}`, {
    remedy: "Look into the engine's log; docker rm -f and docker volume rm say what holds it",
  });
}

/** Undefined where there is no such container. */
export async function inspect(engine: Engine, containerId: string): Promise<ContainerInspectInfo | undefined> {
  try {
    return await engine.docker.getContainer(containerId).inspect();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Pure. */
export function readSight(seen: Pick<ContainerInspectInfo, "Id" | "State">): SandboxSight {
  const { Status, ExitCode, OOMKilled } = seen.State;
  if (Status === "created") return { state: "created", containerId: seen.Id };
  if (Status === "running" || Status === "paused" || Status === "restarting") return { state: "running", containerId: seen.Id };
  return { state: "exited", containerId: seen.Id, exitCode: ExitCode, oomKilled: OOMKilled };
}

function list(engine: Engine, owner: { instance: string; run?: RunId }): Promise<ContainerInfo[]> {
  return engine.docker.listContainers({ all: true, filters: JSON.stringify({ label: labelFilter(owner) }) });
}

async function listVolumes(engine: Engine, owner: SandboxOwner): Promise<VolumeInspectInfo[]> {
  return (await engine.docker.listVolumes({ filters: JSON.stringify({ label: labelFilter(owner) }) })).Volumes ?? [];
}

/** The container and the network of a firewalled run. Answers how many were still there. */
async function removeNamespace(engine: Engine, owner: SandboxOwner): Promise<number> {
  const filters = JSON.stringify({ label: labelFilter(owner, "namespace") });
  const pauses = await engine.docker.listContainers({ all: true, filters });
  for (const { Id } of pauses) await whereThere(() => engine.docker.getContainer(Id).remove({ force: true, v: true }));
  const networks = pauses.length === 0 ? await engine.docker.listNetworks({ filters }) : [];
  for (const { Id } of networks) await whereThere(() => engine.docker.getNetwork(Id).remove());
  return pauses.length + networks.length;
}

function labelFilter({ instance, run }: { instance: string; run?: RunId }, role = "sandbox"): string[] {
  const labels = [`${engineLabels.instance}=${instance}`, `${engineLabels.role}=${role}`];
  return run === undefined ? labels : [...labels, `${engineLabels.run}=${run}`];
}

async function ensureVolume(engine: Engine, spec: SandboxSpec): Promise<void> {
  const labels = sandboxLabels(spec);
  const name = sandboxName(spec);
  // The engine answers with the one that is there, if there is one: then the labels say whose it is.
  await engine.docker.createVolume({ Name: name, Labels: labels });
  const volume = await engine.docker.getVolume(name).inspect();
  for (const [label, value] of Object.entries(labels)) if (volume.Labels?.[label] !== value) throw nameTaken(`volume ${name}`);
  try {
    const size = { bytes: spec.limits.diskBytes, inodes: spec.limits.diskFiles };
    await ensureDisk(volume.Mountpoint, { uid: spec.uid, size });
    // The mountpoint lies in a folder of root's: the agent can change what is in it, never what it is.
    await giveFolder(volume.Mountpoint, spec.uid);
    await chmod(volume.Mountpoint, 0o700);
  } catch (cause) {
    throw new Fault("engine.not-root", `The volume of run ${spec.run} cannot be given to its uid`, {
      remedy: "Start Airlock as root: it makes a uid of its own for each run",
      cause,
    });
  }
}

function nameTaken(what: string): Fault {
  return new Fault("engine.name-taken", `The engine has a ${what} that is not this Airlock's`, {
    remedy: "Find out whose it is (docker inspect); remove it if nobody needs it",
  });
}

/** Gone already is as good as removed; so is being removed by a call of ours whose answer was lost, which 409 tells. */
async function whereThere(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
  }
}
