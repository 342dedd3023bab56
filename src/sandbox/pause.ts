import type { ContainerCreateOptions, HostConfig, NetworkCreateOptions } from "dockerode";
import { engineLabels } from "../run/identity.ts";
import { type Firewalled, pauseName, type SandboxSpec } from "./spec.ts";

/** ◆ The container that owns a firewalled run's network namespace: it runs our resolver, nothing of the agent's ever, and holds nothing. */

/** Nobody's: a resolver has no file of its own. */
const pauseUser = "65534:65534";
const memoryBytes = 192 * 1024 ** 2;

export function pauseLabels(spec: { instance: string; run: string }): Record<string, string> {
  return { [engineLabels.instance]: spec.instance, [engineLabels.run]: spec.run, [engineLabels.role]: "namespace" };
}

/** `internal`: without the engine's way out, for a namespace that is connected in another way. */
export function pauseNetwork(spec: SandboxSpec, internal: boolean): NetworkCreateOptions {
  return {
    Name: pauseName(spec),
    Driver: "bridge",
    Internal: internal,
    Attachable: false,
    EnableIPv6: false,
    CheckDuplicate: true,
    Options: { "com.docker.network.bridge.enable_icc": "false" },
    Labels: pauseLabels(spec),
  };
}

export type PauseConfig = ContainerCreateOptions & { name: string; HostConfig: HostConfig };

/** Mounts as "source target": made from, and checked against. */
export function pauseMounts(network: Firewalled): [source: string, target: string][] {
  return [
    [network.namesFolder, "/names"],
    [`${network.namesFolder}/resolv.conf`, "/etc/resolv.conf"],
  ];
}

export function pauseConfig(spec: SandboxSpec, network: Firewalled, seccompProfile: string): PauseConfig {
  const name = pauseName(spec);
  return {
    name,
    Image: spec.imageId,
    User: pauseUser,
    Hostname: "sandbox",
    Entrypoint: ["/usr/local/bin/node", "--max-old-space-size=64", "/opt/airlock/resolver.mjs", "/names/names.json"],
    Cmd: [],
    WorkingDir: "/",
    Labels: pauseLabels(spec),
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      Runtime: "runc",
      NetworkMode: name,
      CapDrop: ["ALL"],
      Privileged: false,
      SecurityOpt: ["no-new-privileges", `seccomp=${seccompProfile}`],
      ReadonlyRootfs: true,
      Init: true,
      RestartPolicy: { Name: "no" },
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      PidsLimit: 32,
      Sysctls: {
        "net.ipv6.conf.all.disable_ipv6": "1",
        "net.ipv6.conf.default.disable_ipv6": "1",
        "net.ipv4.ip_unprivileged_port_start": "53",
      },
      Mounts: pauseMounts(network).map(([Source, Target]) => ({ Type: "bind", Source, Target, ReadOnly: true })),
      LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "1" } },
    },
  };
}
