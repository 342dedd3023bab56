import type { ContainerInspectInfo, NetworkInspectInfo } from "dockerode";
import type { SandboxCheck } from "../run/check.ts";
import { pauseConfig, pauseMounts } from "./pause.ts";
import { printRange, type Range } from "./ranges.ts";
import type { Firewalled, SandboxSpec } from "./spec.ts";

/** What was found of a firewalled run's namespace. */
export interface NamespaceSight {
  pause: ContainerInspectInfo | undefined;
  network: NetworkInspectInfo | undefined;
  rules: { text: string; allowed: readonly Range[] };
}

/** Compares it with what was asked for. `rules`: the text that must stand there, and the addresses. Pure. */
export function namespaceChecks(
  seen: NamespaceSight,
  spec: SandboxSpec,
  wanted: { network: Firewalled; seccompProfile: string; rules: { text: string; allowed: readonly Range[] }; internal: boolean },
): SandboxCheck[] {
  const config = pauseConfig(spec, wanted.network, wanted.seccompProfile);
  const { pause, network } = seen;
  const host = pause?.HostConfig;
  const mounts = (pause?.Mounts ?? []).map(({ Source, Destination, RW }) => `${Source} ${Destination} ${RW ? "rw" : "ro"}`);
  const wantedMounts = pauseMounts(wanted.network).map(([source, target]) => `${source} ${target} ro`);
  const networks = Object.keys(pause?.NetworkSettings.Networks ?? {});
  const wrong = [
    ["state", pause?.State.Running === true],
    ["image", pause?.Image === spec.imageId],
    ["runtime", host?.Runtime === config.HostConfig.Runtime],
    ["user", pause?.Config.User === config.User],
    ["program", same(pause?.Config.Entrypoint, config.Entrypoint) && same(pause?.Config.Cmd, [])],
    ["capabilities", same(host?.CapDrop, ["ALL"]) && same(host?.CapAdd, []) && host?.Privileged === false],
    ["security options", same([...(host?.SecurityOpt ?? [])].sort(), [...(config.HostConfig.SecurityOpt ?? [])].sort())],
    ["mounts", same(mounts.sort(), wantedMounts.sort()) && same(host?.Binds, [])],
    ["networks", same(networks, [config.name]) && same(Object.keys(host?.PortBindings ?? {}), [])],
    ["sysctls", Object.entries(config.HostConfig.Sysctls ?? {}).every(([name, value]) => host?.Sysctls?.[name] === value)],
  ].flatMap(([name, ok]) => (ok === true ? [] : [name]));
  const attached = Object.keys(network?.Containers ?? {});
  const networkOk =
    network?.Driver === "bridge" &&
    network.EnableIPv6 === false &&
    network.Internal === wanted.internal &&
    network.Options?.["com.docker.network.bridge.enable_icc"] === "false" &&
    same(attached, pause ? [pause.Id] : []);
  const printed = (ranges: readonly Range[]) => ranges.map(printRange).join(", ");
  const addresses = printed(seen.rules.allowed);
  return [
    { name: "engine.pause", ok: wrong.length === 0, seen: wrong.length === 0 ? "as asked for" : `wrong: ${wrong.join(", ")}` },
    {
      name: "engine.pause-network",
      ok: networkOk,
      seen: `${attached.length} container, ${network?.Internal ? "internal" : "bridged"}`,
    },
    {
      name: "engine.rules",
      ok: wanted.rules.text !== "" && seen.rules.text === wanted.rules.text,
      seen: `${seen.rules.text.match(/policy drop/g)?.length ?? 0} of 3 hooks drop`,
    },
    {
      name: "engine.rules-addresses",
      ok: seen.rules.allowed.length > 0 && addresses === printed(wanted.rules.allowed),
      seen: `${seen.rules.allowed.length} ranges: ${addresses}`.slice(0, 200),
    },
  ].map((check) => ({ ...check, side: "outside" }));
}

function same(seen: unknown, wanted: unknown): boolean {
  return JSON.stringify(seen ?? []) === JSON.stringify(wanted ?? []);
}
