import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../fault.ts";
import { engineLabels } from "../run/identity.ts";
import { defaultBase, ensureBaseImage } from "./base-image.ts";
import type { Architecture, Engine } from "./engine.ts";
import { findImage, followBuild } from "./image-stream.ts";
import { runUids } from "./uids.ts";

export interface SandboxImage {
  /** "sha256:…": what containers are created by. */
  id: string;
  tag: string;
  /** Of Claude Code, as pinned in sandbox/package.json. */
  claudeVersion: string;
}

export interface ImageOptions {
  engine: Engine;
  /** arm64 is built by the same recipe but was never run: no such machine was at hand. */
  architecture: Architecture;
  /** Where npm packages and the build's context are put; made if absent. */
  cacheFolder: string;
  onProgress?: (line: string) => void;
  signal?: AbortSignal;
  /** How npm is called: a command prefix. */
  npm?: readonly string[];
  /** What npm and debootstrap run with: PATH, HOME, and what this machine needs to reach its registries (proxies, certificates). */
  environment?: Readonly<Record<string, string>>;
  base?: string;
}

/**
 * Sees that the sandbox image is there, and builds it where it is not (about a minute). Its tag is a hash of all that goes into
 * it, so an image that is there is known to be the right one. Throws Fault "engine.base", "engine.packages" or "engine.image".
 */
export async function ensureSandboxImage(options: ImageOptions): Promise<SandboxImage> {
  const { engine, architecture, cacheFolder, base = defaultBase } = options;
  const onProgress = options.onProgress ?? (() => {});
  const signal = options.signal ?? new AbortController().signal;
  const environment = options.environment ?? { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
  const inputs = await readInputs();
  const tag = `airlock-sandbox:${hashInputs({ inputs, architecture, base })}`;
  const claudeVersion = parseClaudeVersion(inputs.get("package.json") ?? "");
  const found = await findImage(engine, tag);
  if (found) {
    await nameBase(engine, found.id);
    return { id: found.id, tag, claudeVersion };
  }

  await mkdir(cacheFolder, { recursive: true });
  await ensureBaseImage({ engine, reference: base, architecture, cacheFolder, environment, onProgress, signal });
  // Packages of one lockfile stay in the cache: a change of the recipe alone is built in seconds.
  const context = path.join(
    cacheFolder,
    `packages-${hashInputs({ inputs: new Map([["", inputs.get("package-lock.json") ?? ""]]), architecture, base: "" })}`,
  );
  await ensureContext({
    context,
    names: [...inputs.keys()],
    architecture,
    npm: options.npm ?? ["npm"],
    environment,
    onProgress,
    signal,
  });
  try {
    onProgress(`Building ${tag}`);
    // By tar itself, plain: dockerode would compress a third of a gigabyte first, which the engine then undoes.
    const pack = execa(
      "tar",
      ["--create", "--owner=0", "--group=0", "--directory", context, ...packed(architecture), ...inputs.keys()],
      {
        ...{ env: environment, extendEnv: false, stdin: "ignore", encoding: "buffer", buffer: false, cancelSignal: signal },
      },
    );
    const build = await engine.docker.buildImage(pack.readable(), {
      t: tag,
      rm: true,
      forcerm: true,
      platform: `linux/${architecture}`,
      buildargs: {
        ...proxiesOf(environment),
        ...{ BASE: base, NPM_ARCH: npmCpu(architecture), UID_FIRST: `${runUids.first}`, UID_COUNT: `${runUids.count}` },
      },
      labels: { [engineLabels.role]: "sandbox-image" },
      abortSignal: signal,
    });
    await followBuild(engine, build, onProgress);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Fault("engine.image", "The sandbox image cannot be built", {
      remedy: "The lines above say where it stopped; the build needs Debian's package servers (deb.debian.org)",
      cause,
    });
  }
  const built = await findImage(engine, tag);
  if (!built)
    throw new Fault("engine.image", `The engine built ${tag} but does not have it`, { remedy: "Look into the engine's log" });
  await nameBase(engine, built.id);
  return { id: built.id, tag, claudeVersion };
}

/** Pure. For apt in the build, which the engine keeps out of the image's history. One on this machine's loopback is another in there. */
export function proxiesOf(environment: Readonly<Record<string, string>>): Record<string, string> {
  const proxies = Object.entries(environment).filter(([name, address]) => {
    const host = /^https?_proxy$/i.test(name) ? URL.parse(address)?.hostname : undefined;
    return host !== undefined && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(host);
  });
  const exceptions = Object.entries(environment).filter(([name]) => /^no_proxy$/i.test(name));
  return proxies.length === 0 ? {} : Object.fromEntries([...proxies, ...exceptions]);
}

/** `airlock-sandbox:base` is this version's image: what an operator's own image is built from. Runs never go by that name. */
async function nameBase(engine: Engine, id: string): Promise<void> {
  const named = await findImage(engine, "airlock-sandbox:base");
  if (named?.id !== id) await engine.docker.getImage(id).tag({ repo: "airlock-sandbox", tag: "base" });
}

/** The first 24 hex digits of a hash over everything that decides what is in the image. Pure. */
export function hashInputs(of: { inputs: ReadonlyMap<string, string>; architecture: Architecture; base: string }): string {
  const hash = createHash("sha256");
  const add = (text: string) => hash.update(`${Buffer.byteLength(text)}:${text}`);
  for (const text of [of.architecture, of.base, `${runUids.first}+${runUids.count}`]) add(text);
  for (const [name, content] of [...of.inputs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(name);
    add(content);
  }
  return hash.digest("hex").slice(0, 24);
}

/** Handed to the engine at each start and not part of the image, so a change of theirs needs no build. */
const notInImage = new Set(["seccomp.json", "README.md", "firewall.nft", "init-firewall.sh"]);

const recipeFolder = path.resolve(import.meta.dirname, "../../sandbox");

async function readInputs(): Promise<Map<string, string>> {
  const files = (await readdir(recipeFolder, { withFileTypes: true })).filter(
    (entry) => entry.isFile() && !notInImage.has(entry.name),
  );
  const pairs = files.map(async ({ name }) => [name, await readFile(path.join(recipeFolder, name), "utf8")] as const);
  return new Map(await Promise.all(pairs));
}

function parseClaudeVersion(manifest: string): string {
  const { optionalDependencies } = JSON.parse(manifest) as { optionalDependencies: Record<string, string> };
  return optionalDependencies["@anthropic-ai/claude-code-linux-x64"] ?? "";
}

/** What the recipe takes out of the fetched packages. */
function packed(architecture: Architecture): string[] {
  const platform = `linux-${npmCpu(architecture)}`;
  return [`node-${platform}/bin/node`, "npm", `@anthropic-ai/claude-code-${platform}/claude`].map(
    (each) => `node_modules/${each}`,
  );
}

function npmCpu(architecture: Architecture): "x64" | "arm64" {
  return architecture === "amd64" ? "x64" : "arm64";
}

async function ensureContext(of: {
  context: string;
  names: readonly string[];
  architecture: Architecture;
  npm: readonly string[];
  environment: Readonly<Record<string, string>>;
  onProgress: (line: string) => void;
  signal: AbortSignal;
}): Promise<void> {
  await mkdir(of.context, { recursive: true });
  for (const name of of.names) {
    const to = path.join(of.context, name);
    await copyFile(path.join(recipeFolder, name), to);
    // Fixed modes: the checkout's umask must not decide whether the agent's uid can run the entrypoint.
    await chmod(to, (await stat(to)).mode & 0o100 ? 0o755 : 0o644);
  }
  const fetched = path.join(of.context, "fetched");
  if (await stat(fetched).catch(() => undefined)) return;
  const [command = "npm", ...prefix] = of.npm;
  const only = ["--os=linux", `--cpu=${npmCpu(of.architecture)}`, "--libc=glibc"];
  of.onProgress("Fetching Claude Code, Node and npm by lockfile");
  try {
    await execa(command, [...prefix, "ci", "--ignore-scripts", "--no-audit", "--no-fund", ...only], {
      cwd: of.context,
      env: of.environment,
      extendEnv: false,
      stdin: "ignore",
      cancelSignal: of.signal,
    });
    await writeFile(fetched, "");
  } catch (cause) {
    of.signal.throwIfAborted();
    throw new Fault("engine.packages", "The sandbox's packages cannot be fetched from npm", {
      remedy: "See that this machine reaches its npm registry (HTTPS_PROXY, NODE_EXTRA_CA_CERTS); what npm said is the cause",
      cause,
    });
  }
}
