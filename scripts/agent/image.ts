/** The sandbox's image with another version of Claude Code in it. */
import { chmod, copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { engineLabels } from "../../src/run/identity.ts";
import type { Engine } from "../../src/sandbox/engine.ts";
import type { SandboxImage } from "../../src/sandbox/image.ts";
import { findImage, followBuild } from "../../src/sandbox/image-stream.ts";

export async function pinnedVersion(root: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, "sandbox/package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  return manifest.optionalDependencies["@anthropic-ai/claude-code-linux-x64"] ?? "";
}

/** The pinned version's image is `base` itself; another's is built on it, and its package kept in `cacheFolder`. Returns the image's id. */
export async function imageOf(wish: {
  engine: Engine;
  version: string;
  base: SandboxImage;
  cacheFolder: string;
  env: Readonly<Record<string, string>>;
  say: (line: string) => void;
}): Promise<string> {
  const { engine, version, base, env, say } = wish;
  if (version === base.claudeVersion) return base.id;
  const tag = `airlock-agent-bump:${version}-${base.id.slice(7, 19)}`;
  const found = await findImage(engine, tag);
  if (found) return found.id;
  const folder = join(wish.cacheFolder, version);
  await mkdir(folder, { recursive: true });
  const cpu = engine.info.architecture === "amd64" ? "x64" : "arm64";
  const name = `@anthropic-ai/claude-code-linux-${cpu}`;
  const binary = join(folder, "claude");
  if (!(await stat(binary).catch(() => undefined))) {
    say(`Fetching ${name}@${version}`);
    await writeFile(join(folder, "package.json"), '{"private":true}\n');
    const install = ["install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--force", `${name}@${version}`];
    await execa("npm", install, { cwd: folder, env, extendEnv: false, stdin: "ignore" });
    await copyFile(join(folder, "node_modules", name, "claude"), binary);
    await chmod(binary, 0o755);
  }
  await writeFile(join(folder, "Dockerfile"), `FROM ${base.tag}\nCOPY claude /usr/local/bin/claude\n`);
  const options = { t: tag, rm: true, forcerm: true, labels: { [engineLabels.role]: "agent-bump" } };
  await followBuild(engine, await engine.docker.buildImage({ context: folder, src: ["Dockerfile", "claude"] }, options), say);
  const built = await findImage(engine, tag);
  if (!built) throw new Error(`the engine built ${tag} but does not have it`);
  return built.id;
}
