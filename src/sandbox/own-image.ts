import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { Fault } from "../fault.ts";
import type { SandboxCheck } from "../run/check.ts";
import type { Engine } from "./engine.ts";
import { statusOf } from "./image-stream.ts";
import { folderPaths, type ImageSight, keptPaths, listPaths, ownImageChecks } from "./own-image-checks.ts";

export interface OwnImage {
  id: string;
  /** What was found, one for each of `ownImageCheckNames`. A run whose image has one that failed is refused. */
  checks: readonly SandboxCheck[];
}

/**
 * Looks at the operator's own image and compares it with ours, which it must be built from. Nothing of it is run: the engine reads
 * its files. About two seconds, for Claude Code's 400 MB are read, once for each image. Throws Fault "engine.own-image" where the engine has no such image.
 */
export async function examineOwnImage(engine: Engine, of: { reference: string; ours: string }): Promise<OwnImage> {
  const id = await idOf(engine, of.reference);
  const [theirs, ours] = [await observeImage(engine, id), await observeImage(engine, of.ours)];
  return { id, checks: ownImageChecks(theirs, ours) };
}

async function idOf(engine: Engine, reference: string): Promise<string> {
  try {
    return (await engine.docker.getImage(reference).inspect()).Id;
  } catch (cause) {
    if (statusOf(cause) !== 404) throw cause;
    throw new Fault("engine.own-image", `AIRLOCK_IMAGE names ${reference}, which this engine does not have`, {
      remedy: `Build it FROM airlock-sandbox:base with docker build -t ${reference}, see sandbox/examples/`,
      cause,
    });
  }
}

/** By the image's id, which is a digest of all that it holds: what was seen of it stays true. */
const sights = new Map<string, Promise<ImageSight>>();

function observeImage(engine: Engine, id: string): Promise<ImageSight> {
  const seen = sights.get(id) ?? readImage(engine, id);
  sights.set(id, seen);
  // A look that failed is made anew.
  seen.catch(() => sights.delete(id));
  return seen;
}

async function readImage(engine: Engine, id: string): Promise<ImageSight> {
  const seen = await engine.docker.getImage(id).inspect();
  // Made to be read, and never started: a stopped container is the only thing of an image whose files the engine gives out.
  const container = await engine.docker.createContainer({
    ...{ Image: id, Entrypoint: ["/nothing"], Cmd: [], Healthcheck: { Test: ["NONE"] } },
    Labels: { "airlock.role": "image-reader" },
    HostConfig: { NetworkMode: "none" },
  });
  try {
    const files: Record<string, string | undefined> = {};
    for (const path of keptPaths) files[path] = (await read(container, path))?.digest;
    const folders: Record<string, string | undefined> = {};
    for (const path of folderPaths) folders[path] = await readOwner(container, path);
    const lists: Record<string, string> = {};
    for (const path of listPaths) lists[path] = (await read(container, path))?.text ?? "";
    return { layers: seen.RootFS.Layers ?? [], config: seen.Config, files, folders, lists };
  } finally {
    await container.remove({ force: true, v: true });
  }
}

type Container = Awaited<ReturnType<Engine["docker"]["createContainer"]>>;

/** Of the archive that the engine makes of `path`: owner, mode and time are in it as well as the content. Undefined: there is none.
 *  `text`: the content of a small file. */
async function read(container: Container, path: string): Promise<{ digest: string; text: string } | undefined> {
  let archive: NodeJS.ReadableStream;
  try {
    archive = await container.getArchive({ path });
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
  const hash = createHash("sha256");
  const first: Buffer[] = [];
  let kept = 0;
  for await (const chunk of archive as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (kept < smallBytes) first.push(chunk);
    kept += chunk.length;
  }
  return { digest: hash.digest("hex"), text: textOf(Buffer.concat(first)) };
}

/** Mode, uid and gid of a folder, by the first header of its archive; the rest of it is not read. */
async function readOwner(container: Container, path: string): Promise<string | undefined> {
  const archive = (await container.getArchive({ path })) as Readable;
  for await (const chunk of archive) {
    const type = chunk.toString("latin1", 156, 157);
    // Leaving the loop ends the answer.
    return type === "5" ? chunk.toString("latin1", 100, 124) : undefined;
  }
  return undefined;
}

const smallBytes = 1024 ** 2;

/** A tar's first file: the size in octal at 124, the content from 512. Anything that is not one plain small file is "". */
function textOf(tar: Buffer): string {
  const size = Number.parseInt(tar.toString("latin1", 124, 135), 8);
  const plainFile = tar.toString("latin1", 156, 157) === "0";
  return plainFile && size >= 0 && size < smallBytes ? tar.toString("utf8", 512, 512 + size) : "";
}
