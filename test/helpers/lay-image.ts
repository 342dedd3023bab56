import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import type { Engine } from "../../src/sandbox/engine.ts";

/** Further names of the same files, which no engine ever writes to. The engine mounts this very folder over itself, which hides that they can have them. */
const link = 'umount -l "$1"; cd "$1/$2" && to=$3 && shift 3 && cp -al "$@" "$to"';

/**
 * Puts an image of `from` below the data folder of an engine that has not run yet, as it lies there: to save and load 800 MB takes some
 * 20 s of a core. Answers false, with nothing that an engine would mind, where `from` keeps its layers in another way than overlay2 does.
 */
export async function layImage({ from, imageId, data }: { from: Engine; imageId: string; data: string }): Promise<boolean> {
  const info: { Driver: string; DockerRootDir: string } = await from.docker.info();
  if (info.Driver !== "overlay2") return false;
  const { Id, RepoTags, RootFS } = await from.docker.getImage(imageId).inspect();
  const within = async (folder: string, ...names: string[]) => {
    await mkdir(path.join(data, folder), { recursive: true, mode: 0o711 });
    const to = path.join(data, folder);
    const linked = await execa("unshare", ["--mount", "sh", "-c", link, "sh", info.DockerRootDir, folder, to, ...names], {
      reject: false,
    });
    if (linked.failed) await execa("cp", ["-a", ...names, to], { cwd: path.join(info.DockerRootDir, folder) });
  };
  const chains = chainsOf(RootFS.Layers ?? []);
  const records = "image/overlay2";
  const read = (...name: string[]) => readFile(path.join(info.DockerRootDir, ...name), "utf8");
  try {
    const layers = await Promise.all(chains.map((chain) => read(records, "layerdb/sha256", chain, "cache-id")));
    const links = await Promise.all(layers.map((layer) => read("overlay2", layer, "link")));
    await within("overlay2", ...layers);
    await within("overlay2/l", ...links);
    await within(`${records}/layerdb/sha256`, ...chains);
    await within(`${records}/imagedb/content/sha256`, Id.replace("sha256:", ""));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    return false;
  }
  const names: Record<string, Record<string, string>> = {};
  for (const tag of RepoTags) {
    const name = tag.slice(0, tag.lastIndexOf(":"));
    names[name] = { ...names[name], [tag]: Id };
  }
  await writeFile(path.join(data, records, "repositories.json"), JSON.stringify({ Repositories: names }));
  return true;
}

/** By which an engine finds a layer: what it is made of, from the bottom to it. As in the OCI image specification, "Layer ChainID". */
function chainsOf(layers: readonly string[]): string[] {
  let below: string | undefined;
  return layers.map((layer) => {
    below = below === undefined ? layer : `sha256:${createHash("sha256").update(`${below} ${layer}`).digest("hex")}`;
    return below.replace("sha256:", "");
  });
}
