import Docker from "dockerode";
import { Fault } from "../fault.ts";

/** The engine of this machine, checked to be one that Airlock supports. */
export interface Engine {
  docker: Docker;
  info: EngineInfo;
}

export interface EngineInfo {
  /** The engine's own: "20.10.24+dfsg1". */
  version: string;
  apiVersion: string;
  architecture: Architecture;
  /** "name=seccomp,profile=default" … */
  securityOptions: readonly string[];
  kernelVersion: string;
  cgroupVersion: string;
}

export type Architecture = "amd64" | "arm64";

/**
 * Opens the engine at `socketPath` (default: where `dockerHost`, a DOCKER_HOST value, points; else /var/run/docker.sock).
 * Throws Fault "engine.away" where nothing answers, "engine.unsupported" where it is not a local rootful Linux Docker.
 */
export async function openEngine(options: { socketPath?: string; dockerHost?: string } = {}): Promise<Engine> {
  const socketPath = options.socketPath ?? parseEngineAddress(options.dockerHost);
  const docker = new Docker({ socketPath });
  try {
    const [version, info] = await Promise.all([docker.version(), docker.info()]);
    return { docker, info: readInfo(version, info) };
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("engine.away", `No Docker engine answers at ${socketPath}`, {
      remedy:
        "Start it (systemctl start docker), install it (apt-get install docker.io), or see that this user may use its socket",
      cause,
    });
  }
}

/** Maps a DOCKER_HOST value onto a socket path. Throws Fault "engine.unsupported" for anything but a local Unix socket. Pure. */
export function parseEngineAddress(dockerHost: string | undefined): string {
  if (dockerHost === undefined || dockerHost === "") return "/var/run/docker.sock";
  if (dockerHost.startsWith("unix:///")) return dockerHost.slice("unix://".length);
  throw unsupported(`DOCKER_HOST is ${dockerHost}: the engine must be on this machine, at a Unix socket`);
}

/** What is read of the engine's answers to /version and /info. */
export interface EngineAnswers {
  version: {
    Version: string;
    ApiVersion: string;
    Arch: string;
    Os: string;
    Components?: readonly { Name: string; Version: string; Details?: { GitCommit?: string } }[];
  };
  info: { OperatingSystem?: string; SecurityOptions?: readonly string[]; KernelVersion?: string; CgroupVersion?: string };
}

/** Throws Fault "engine.unsupported" with the reason. Pure. */
export function readInfo(version: EngineAnswers["version"], info: EngineAnswers["info"]): EngineInfo {
  const options = info.SecurityOptions ?? [];
  const names = options.map((option) => /name=([^,]+)/.exec(option)?.[1]);
  const components = version.Components ?? [];
  if (components.some((part) => part.Name.startsWith("Podman"))) throw unsupported("The engine is Podman");
  if (version.Os !== "linux") throw unsupported(`The engine runs ${version.Os} containers`);
  // Its virtual machine cannot carry a host's Unix socket into a container.
  if (info.OperatingSystem === "Docker Desktop") throw unsupported("The engine is Docker Desktop");
  if (names.includes("rootless")) throw unsupported("The engine runs rootless");
  // A run's files on the host would belong to a shifted uid.
  if (names.includes("userns")) throw unsupported("The engine remaps user ids (userns-remap)");
  if (!names.includes("seccomp")) throw unsupported("The engine cannot filter system calls (no seccomp)");
  if (!atLeast(version.ApiVersion, [1, 41]))
    throw unsupported(`The engine is too old (API ${version.ApiVersion}, 1.41 is needed)`);
  if (version.Arch !== "amd64" && version.Arch !== "arm64") throw unsupported(`There is no sandbox image for ${version.Arch}`);
  return {
    version: version.Version,
    apiVersion: version.ApiVersion,
    architecture: version.Arch,
    securityOptions: options,
    kernelVersion: info.KernelVersion ?? "",
    cgroupVersion: info.CgroupVersion ?? "1",
  };
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [seenMajor = 0, seenMinor = 0] = version.split(".").map(Number);
  return seenMajor > major || (seenMajor === major && seenMinor >= minor);
}

function unsupported(message: string): Fault {
  return new Fault("engine.unsupported", message, {
    remedy: "Airlock needs a local Linux Docker engine that runs as root, such as Debian's docker.io on this machine",
  });
}
