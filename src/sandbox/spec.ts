import type { ContainerCreateOptions, HostConfig, MountSettings } from "dockerode";
import type { SandboxCheck } from "../run/check.ts";
import { engineLabels, type RunId } from "../run/identity.ts";
import type { Architecture } from "./engine.ts";
import type { SandboxIsolation } from "./isolation.ts";
import { sandboxPath } from "./own-image-checks.ts";

/** How a sandbox meets the network. Sealed: not at all, but for the door. */
export type SandboxMode = { mode: "sealed" } | Firewalled;

/** Behind a firewall, in a namespace that another container owns: see pause.ts. */
export interface Firewalled {
  mode: "firewalled";
  /** Absolute path on the host: `names.json` and `resolv.conf`, for the resolver. */
  namesFolder: string;
  /** Absolute path on the host: the one token, and for which host it is. Mounted read-only at /github. */
  grantFolder: string;
  /** What must answer before anything starts, and a name that must not resolve. */
  answers: string;
  refusedName: string;
}

/** All that decides what a run's sandbox is. Plain data. */
export interface SandboxSpec {
  /** Tells this Airlock's things from another's on the same engine. */
  instance: string;
  run: RunId;
  network: SandboxMode;
  /** The image's id ("sha256:…"), never a tag: a tag may be moved between check and use. */
  imageId: string;
  architecture: Architecture;
  isolation: SandboxIsolation;
  /** The run's own uid, and its gid: see src/sandbox/uids.ts. */
  uid: number;
  /** Absolute path on the host. Holds `gateway.sock`; mounted read-only at /airlock; never made anew while the container lives. */
  doorFolder: string;
  limits: SandboxLimits;
  /** Of managed-settings.json, in hex. */
  settingsDigest: string;
  /** What the agent's trial found in an earlier sandbox of this image under the same keeper. Absent: the agent is tried in this one. */
  tried?: readonly SandboxCheck[];
  /** Home and working tree are those of an earlier sandbox of the run: its own agent's, which that one could do as it liked with. */
  goesOn?: boolean;
  /** What the probe tries to reach; each must be unreachable. */
  probe: ProbeTargets;
}

export interface SandboxLimits {
  memoryBytes: number;
  /** 1.5 is one and a half processors. */
  cpus: number;
  processes: number;
  openFiles: number;
  /** Of one file. */
  fileBytes: number;
  /** Of /work, home included; and how many files it may hold. */
  diskBytes: number;
  diskFiles: number;
  /** Of /tmp; counts against the memory as well. */
  tmpBytes: number;
  tmpFiles: number;
  /** Of the engine's log, envelopes included. Reaching it must end the run: `followOutput` counts it. */
  outputBytes: number;
}

export interface ProbeTargets {
  publicAddress: string;
  publicAddressV6: string;
  metadataAddress: string;
  unresolvableName: string;
}

/** Addresses set aside for documentation, so that a sandbox that leaks sends nothing to anybody; and the clouds' metadata address. */
export const defaultProbeTargets: ProbeTargets = {
  publicAddress: "192.0.2.1",
  publicAddressV6: "2001:db8::1",
  metadataAddress: "169.254.169.254",
  unresolvableName: "probe.airlock.invalid",
};

const mebibyte = 1024 ** 2;

export const defaultLimits: SandboxLimits = {
  memoryBytes: 4096 * mebibyte,
  cpus: 2,
  processes: 1024,
  openFiles: 16_384,
  fileBytes: 4096 * mebibyte,
  diskBytes: 8192 * mebibyte,
  diskFiles: 1_000_000,
  tmpBytes: 1024 * mebibyte,
  tmpFiles: 200_000,
  outputBytes: 64 * mebibyte,
};

/** Whose a container is. */
export interface SandboxOwner {
  instance: string;
  run: RunId;
}

/** The name of the run's container and of its volume. Another Airlock on this engine may take the run over, and has its own. */
export function sandboxName({ run, instance }: SandboxOwner): string {
  return `airlock-${run}-${instance.slice(0, 6)}`;
}

/** The name of the container that owns the namespace of a firewalled run, and of the run's network. */
export function pauseName(owner: SandboxOwner): string {
  return `${sandboxName(owner)}-net`;
}

export function sandboxLabels(spec: { instance: string; run: RunId }): Record<string, string> {
  return { [engineLabels.instance]: spec.instance, [engineLabels.run]: spec.run, [engineLabels.role]: "sandbox" };
}

/** What the container's mounts must be, exactly: used to make them, and to check them afterwards. */
export function sandboxMounts(spec: SandboxSpec): (MountSettings & { Source: string })[] {
  const readOnly = (Source: string, Target: string) =>
    ({ Type: "bind", Source, Target, ReadOnly: true, BindOptions: { Propagation: "rprivate" } }) as const;
  return [
    readOnly(spec.doorFolder, "/airlock"),
    ...(spec.network.mode === "firewalled" ? [readOnly(spec.network.grantFolder, "/github")] : []),
    // NoCopy: else the engine copies the image's folder into it, owner and all.
    {
      Type: "volume",
      Source: sandboxName(spec),
      Target: "/work",
      ReadOnly: false,
      VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } },
    },
  ];
}

/** `CgroupnsMode`: @types/dockerode does not know it. */
export type SandboxConfig = ContainerCreateOptions & { name: string; HostConfig: HostConfig & { CgroupnsMode: "private" } };

/** What the engine is asked for. `seccompProfile`: the profile's text. Pure. */
export function sandboxConfig(spec: SandboxSpec, seccompProfile: string): SandboxConfig {
  const { uid, limits, probe, network, isolation } = spec;
  const firewalled = network.mode === "firewalled";
  const hard = (Name: string, value: number) => ({ Name, Soft: value, Hard: value });
  const owner = `uid=${uid},gid=${uid}`;
  return {
    name: sandboxName(spec),
    Image: spec.imageId,
    User: `${uid}:${uid}`,
    // In another's namespace, that one's name and resolver count.
    ...(firewalled ? {} : { Hostname: "sandbox" }),
    WorkingDir: "/work",
    // Said here, so that it does not matter what an image says.
    Entrypoint: ["/opt/airlock/entrypoint"],
    Env: [sandboxPath],
    Cmd: [
      ...[probe.publicAddress, probe.metadataAddress, probe.publicAddressV6, probe.unresolvableName, spec.run, `${uid}`],
      ...[isolation.kind, isolation.kernel, spec.tried ? "agent-tried" : "try-agent", spec.settingsDigest],
      ...(firewalled ? [network.answers, network.refusedName] : []),
    ],
    Labels: sandboxLabels(spec),
    OpenStdin: true,
    // A restarted App attaches again and goes on writing.
    StdinOnce: false,
    Tty: false,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    StopSignal: "SIGTERM",
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      // By name: an engine's default may be another.
      Runtime: isolation.runtime,
      NetworkMode: firewalled ? `container:${pauseName(spec)}` : "none",
      // Else the engine copies the host's own resolvers and search domains in: nothing reaches them, but they tell where the host is.
      ...(firewalled ? {} : { Dns: ["127.0.0.1"], DnsSearch: ["."] }),
      CapDrop: ["ALL"],
      Privileged: false,
      SecurityOpt: ["no-new-privileges", `seccomp=${seccompProfile}`],
      ReadonlyRootfs: true,
      Init: true,
      IpcMode: "private",
      CgroupnsMode: "private",
      PublishAllPorts: false,
      RestartPolicy: { Name: "no" },
      AutoRemove: false,
      // A host that runs out of memory takes a sandbox first.
      OomScoreAdj: 500,
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.processes,
      ShmSize: 64 * mebibyte,
      Ulimits: [hard("nofile", limits.openFiles), hard("fsize", limits.fileBytes), hard("core", 0)],
      Tmpfs: {
        "/tmp": `rw,exec,nosuid,nodev,mode=1777,${owner},size=${limits.tmpBytes},nr_inodes=${limits.tmpFiles}`,
        "/run": `rw,noexec,nosuid,nodev,mode=0700,${owner},size=${mebibyte},nr_inodes=1000`,
      },
      Mounts: sandboxMounts(spec),
      // Room beyond the limit, so that the run is ended before anything rotates away. Two files: at most twice that on disk.
      LogConfig: { Type: "json-file", Config: { "max-size": `${limits.outputBytes + logSlackBytes}`, "max-file": "2" } },
    },
  };
}

/** What a sandbox may still print between reaching its limit and being stopped. */
export const logSlackBytes = 16 * mebibyte;
