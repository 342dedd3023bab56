import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../fault.ts";
import type { Architecture, Engine } from "./engine.ts";
import { findImage, followBuild } from "./image-stream.ts";

export const defaultBase = "debian:bookworm-slim";

/** `environment`: what debootstrap runs with (PATH; proxies where they are needed). */
export interface BaseOptions {
  engine: Engine;
  reference: string;
  architecture: Architecture;
  cacheFolder: string;
  environment: Readonly<Record<string, string>>;
  onProgress: (line: string) => void;
  signal: AbortSignal;
}

/**
 * Sees that the base image is there: as it is, or pulled, or (where no registry can be reached) made with debootstrap from
 * Debian's signed archive and imported under the same tag. Throws Fault "engine.base".
 */
export async function ensureBaseImage(options: BaseOptions): Promise<void> {
  const { engine, reference, onProgress, signal } = options;
  if (await findImage(engine, reference)) return;
  try {
    onProgress(`Pulling ${reference}`);
    const pull = await engine.docker.pull(reference, {
      abortSignal: AbortSignal.any([signal, AbortSignal.timeout(pullLimitMs)]),
    });
    await followBuild(engine, pull, onProgress);
    if (await findImage(engine, reference)) return;
  } catch (cause) {
    signal.throwIfAborted();
    onProgress(`Cannot pull ${reference}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  await bootstrap(options);
}

/** Longer than a slow line needs for 30 MB, shorter than a person's patience with a registry that swallows packets. */
const pullLimitMs = 120_000;

const sources = `deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
`;

/** As in Debian's own slim image: what later packages bring of these is left out too. */
const noDocs = `path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
`;

/** As there too. Nothing is synced: an image that was half built when the power went is built anew. No translated descriptions. */
const quick = { dpkg: "force-unsafe-io\n", apt: 'Acquire::Languages "none";\n' };

async function bootstrap({
  engine,
  reference,
  architecture,
  cacheFolder,
  environment,
  onProgress,
  signal,
}: BaseOptions): Promise<void> {
  onProgress(`Building ${reference} from Debian's archive`);
  const folder = await mkdtemp(path.join(cacheFolder, "base-"));
  const root = path.join(folder, "root");
  const run = { env: environment, extendEnv: false, cancelSignal: signal, all: true, stdin: "ignore" } as const;
  try {
    const build = execa(
      "debootstrap",
      ["--variant=minbase", `--arch=${architecture}`, "bookworm", root, "http://deb.debian.org/debian"],
      run,
    );
    for await (const line of build.iterable({ from: "all" })) onProgress(line);
    await writeFile(path.join(root, "etc/apt/sources.list"), sources);
    await writeFile(path.join(root, "etc/dpkg/dpkg.cfg.d/docs"), noDocs);
    await writeFile(path.join(root, "etc/dpkg/dpkg.cfg.d/speed"), quick.dpkg);
    await writeFile(path.join(root, "etc/apt/apt.conf.d/speed"), quick.apt);
    for (const dropped of [
      "usr/share/doc",
      "usr/share/man",
      "usr/share/info",
      "usr/share/locale",
      "var/lib/apt/lists",
      "var/cache/apt",
    ])
      await rm(path.join(root, dropped), { recursive: true, force: true });
    const tarball = path.join(folder, "root.tar");
    await execa("tar", ["--create", "--one-file-system", "--numeric-owner", "--file", tarball, "--directory", root, "."], run);
    const [repo, tag] = splitReference(reference);
    const stream = await engine.docker.importImage(tarball, {
      repo,
      tag,
      platform: `linux/${architecture}`,
      abortSignal: signal,
    });
    await followBuild(engine, stream, onProgress);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Fault("engine.base", `The base image ${reference} can neither be pulled nor built`, {
      remedy: `Run "docker pull ${reference}", or install debootstrap and run as root`,
      cause,
    });
  } finally {
    // One file system only: were a mount of debootstrap's left behind, the host's /proc or /sys would be what is deleted.
    await execa("rm", ["-rf", "--one-file-system", folder], { env: environment, extendEnv: false });
  }
}

function splitReference(reference: string): [string, string] {
  const at = reference.lastIndexOf(":");
  return at > reference.lastIndexOf("/") ? [reference.slice(0, at), reference.slice(at + 1)] : [reference, "latest"];
}
