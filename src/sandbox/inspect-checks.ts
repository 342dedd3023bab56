import type { ContainerInspectInfo, HostConfig } from "dockerode";
import type { SandboxCheck } from "../run/check.ts";
import { pauseName, type SandboxSpec, sandboxConfig, sandboxMounts } from "./spec.ts";

/** What the engine says of a container; some of it @types/dockerode does not know. */
type Inspected = ContainerInspectInfo & { ExecIDs?: string[] | null | undefined };

/**
 * Compares what the engine made with what was asked for, each point by itself: an engine's default, a plugin or another client may
 * have changed it. `pauseId`: of the container whose namespace a firewalled sandbox is in. Pure.
 */
export function inspectChecks(seen: Inspected, spec: SandboxSpec, seccompProfile: string, pauseId = ""): SandboxCheck[] {
  const wanted = sandboxConfig(spec, seccompProfile);
  const host = seen.HostConfig;
  const wantedHost = wanted.HostConfig;
  const none = (list: readonly unknown[] | null | undefined) => (list ?? []).length === 0;
  const networks = Object.keys(seen.NetworkSettings.Networks).join(" ");
  const mounts = (seen.Mounts ?? []).map(
    (mount) =>
      `${mount.Type} ${mount.Type === "volume" ? mount.Name : mount.Source} ${mount.Destination} ${mount.RW ? "rw" : "ro"}`,
  );
  const wantedMounts = sandboxMounts(spec).map(
    ({ Type, Source, Target, ReadOnly }) => `${Type} ${Source} ${Target} ${ReadOnly ? "ro" : "rw"}`,
  );
  const limits = (of: HostConfig) =>
    [
      of.Memory,
      of.MemorySwap,
      of.NanoCpus,
      of.PidsLimit,
      ...(of.Ulimits ?? []).map((limit) => `${limit.Name}=${limit.Hard}`).sort(),
    ].join(" ");
  const shared = [host.PidMode, host.UTSMode, host.UsernsMode].filter((mode) => (mode ?? "") !== "");

  const rows: [string, boolean, string][] = [
    ["engine.running", seen.State.Running && !seen.State.Paused, seen.State.Status],
    ["engine.image", seen.Image === spec.imageId, seen.Image],
    ["engine.runtime", host.Runtime === wantedHost.Runtime, host.Runtime ?? "none"],
    ["engine.user", seen.Config.User === wanted.User && none(host.GroupAdd), seen.Config.User],
    [
      "engine.network",
      isIn(spec, host.NetworkMode ?? "", pauseId) &&
        networks === (spec.network.mode === "sealed" ? "none" : "") &&
        none(Object.keys(host.PortBindings ?? {})),
      networks || (host.NetworkMode ?? "").slice(0, 40),
    ],
    [
      "engine.capabilities",
      same(host.CapDrop, ["ALL"]) && none(host.CapAdd),
      `drop ${host.CapDrop ?? "none"}, add ${host.CapAdd ?? "none"}`,
    ],
    ["engine.privileged", host.Privileged === false, `${host.Privileged}`],
    [
      "engine.security-options",
      same(host.SecurityOpt, wantedHost.SecurityOpt),
      (host.SecurityOpt ?? []).map((option: string) => option.slice(0, 24)).join(", ") || "none",
    ],
    ["engine.root", host.ReadonlyRootfs === true, host.ReadonlyRootfs === true ? "read-only" : "writable"],
    ["engine.mounts", same(mounts, wantedMounts) && none(host.Binds) && none(host.VolumesFrom), mounts.join(", ")],
    ["engine.tmpfs", same(entries(host.Tmpfs), entries(wantedHost.Tmpfs)), Object.keys(host.Tmpfs ?? {}).join(" ")],
    [
      "engine.devices",
      none(host.Devices) && none(host.DeviceRequests) && none(host.DeviceCgroupRules),
      none(host.Devices) ? "none" : "some",
    ],
    ["engine.namespaces", shared.length === 0 && host.IpcMode === "private", `ipc ${host.IpcMode} ${shared.join(" ")}`.trim()],
    ["engine.limits", limits(host) === limits(wantedHost), limits(host)],
    [
      "engine.log",
      JSON.stringify(entries(host.LogConfig?.Config)) === JSON.stringify(entries(wantedHost.LogConfig?.Config)) &&
        host.LogConfig?.Type === "json-file",
      host.LogConfig?.Type ?? "",
    ],
    [
      "engine.masked-paths",
      (host.MaskedPaths ?? []).includes("/proc/kcore") && (host.ReadonlyPaths ?? []).includes("/proc/sys"),
      `${host.MaskedPaths?.length ?? 0} masked, ${host.ReadonlyPaths?.length ?? 0} read-only`,
    ],
    ["engine.executions", none(seen.ExecIDs), `${seen.ExecIDs?.length ?? 0}`],
    [
      "engine.entrypoint",
      JSON.stringify([seen.Config.Entrypoint, seen.Config.Cmd]) === JSON.stringify([wanted.Entrypoint, wanted.Cmd]),
      `${seen.Config.Entrypoint}`,
    ],
    // One PATH is all there may be: nothing that the host knows, or an image says, reaches the sandbox by its environment.
    ["engine.environment", same(seen.Config.Env, wanted.Env), `${seen.Config.Env?.length ?? 0} entries`],
    [
      "engine.labels",
      Object.entries(wanted.Labels ?? {}).every(([name, value]) => seen.Config.Labels[name] === value),
      `${seen.Name}`,
    ],
  ];
  return rows.map(([name, ok, text]) => ({ name, side: "outside", ok, seen: text.slice(0, 200) }));
}

function same(seen: readonly string[] | null | undefined, wanted: readonly string[] | undefined): boolean {
  return JSON.stringify([...(seen ?? [])].sort()) === JSON.stringify([...(wanted ?? [])].sort());
}

function entries(of: Record<string, string> | null | undefined): string[] {
  return Object.entries(of ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

/** The engine writes the id where the name was asked for. */
function isIn(spec: SandboxSpec, networkMode: string, pauseId: string): boolean {
  if (spec.network.mode === "sealed") return networkMode === "none";
  return pauseId !== "" && [`container:${pauseId}`, `container:${pauseName(spec)}`].includes(networkMode);
}
