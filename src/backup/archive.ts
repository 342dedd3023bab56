import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { Fault } from "../fault.ts";
import { type Bytes, openBytes } from "./bytes.ts";
import { damaged, type Manifest, parseManifest } from "./manifest.ts";
import { syncFolder } from "./part.ts";
import { blockBytes, isZero, padding, parseHeader } from "./tar-header.ts";

/**
 * An archive is a tar of the plainest kind (ustar), compressed with gzip: `manifest.json`, `manifest.mark`, then the manifest's parts in
 * its order, regular files all of them. `tar -tzf` lists it. Read here and not by tar, which knows links, devices and a dozen extensions.
 */
const manifestEntry = "manifest.json";
const markEntry = "manifest.mark";
const mostManifestBytes = 64 * 1024 * 1024;

export interface ArchiveHead {
  manifest: Manifest;
  manifestText: string;
  mark: string;
}

/** Packs a draft folder, which holds the manifest's parts, into `file`: whole and on disk, or not there. 0600. */
export async function writeArchive(draft: string, { manifest, manifestText, mark }: ArchiveHead, file: string): Promise<number> {
  await writeWhole(join(draft, manifestEntry), manifestText);
  await writeWhole(join(draft, markEntry), mark);
  const unfinished = `${file}.unfinished`;
  await rm(unfinished, { force: true });
  // Made by us, so that it is never wider than 0600: tar writes into what is there.
  await using archive = await open(unfinished, "wx", 0o600);
  try {
    const names = [manifestEntry, markEntry, ...manifest.parts.map(({ name }) => name)];
    const plain = ["--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mode=0600", "--mtime=@0"];
    await execa("tar", ["--create", "--gzip", `--file=${unfinished}`, ...plain, `--directory=${draft}`, "--files-from=-"], {
      ...{ extendEnv: false, env: { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C" }, input: `${names.join("\n")}\n` },
    });
    await archive.sync();
    const { size } = await archive.stat();
    await rename(unfinished, file);
    await syncFolder(dirname(file));
    return size;
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw new Fault("backup.failed", `The backup could not be written to ${file}`, {
      remedy: "See whether its disk is full, and whether the programs tar and gzip are there",
      cause,
    });
  }
}

/** What an archive says of itself. Of the rest nothing is looked at. Throws Fault "backup.damaged", "backup.newer", "backup.unreadable". */
export async function readArchiveHead(file: string): Promise<ArchiveHead> {
  await using bytes = openBytes(file);
  // Awaited here: the file is closed when this block is left.
  return await readHead(bytes);
}

/**
 * Reads a whole archive and holds every part to what the manifest says of it; puts the parts into `into`, if that is given. Throws Fault
 * "backup.damaged", "backup.newer", "backup.unreadable".
 */
export async function readArchive(file: string, into?: string): Promise<ArchiveHead> {
  await using bytes = openBytes(file);
  const head = await readHead(bytes);
  for (const folder of into === undefined ? [] : ["rows", "work"])
    await mkdir(join(into ?? "", folder), { recursive: true, mode: 0o700 });
  for (const part of head.manifest.parts) {
    const entry = await readEntry(bytes);
    if (entry?.name !== part.name || entry.size !== part.bytes) throw damaged(`${part.name} is not where it should be`);
    const digest = createHash("sha256");
    await using out = into === undefined ? undefined : await open(join(into, part.name), "wx", 0o600);
    for await (const chunk of bytes.take(entry.size)) {
      digest.update(chunk);
      await out?.appendFile(chunk);
    }
    await bytes.skip(padding(entry.size));
    if (digest.digest("hex") !== part.sha256) throw damaged(`${part.name} was changed`);
  }
  if (await readEntry(bytes)) throw damaged("there is more in it than it says");
  return head;
}

async function readHead(bytes: Bytes): Promise<ArchiveHead> {
  const manifestText = await readText(bytes, manifestEntry, mostManifestBytes);
  const mark = await readText(bytes, markEntry, 1_024);
  return { manifest: parseManifest(manifestText), manifestText, mark };
}

async function readText(bytes: Bytes, name: string, mostBytes: number): Promise<string> {
  const entry = await readEntry(bytes);
  if (entry?.name !== name || entry.size > mostBytes) throw damaged(`it does not begin with ${name}`);
  const chunks: Buffer[] = [];
  for await (const chunk of bytes.take(entry.size)) chunks.push(chunk);
  await bytes.skip(padding(entry.size));
  return Buffer.concat(chunks).toString("utf8");
}

/** The next regular file; undefined at the archive's end. Whatever else stands there is refused. */
async function readEntry(bytes: Bytes): Promise<{ name: string; size: number } | undefined> {
  const block = await bytes.exactly(blockBytes);
  if (isZero(block)) {
    // Tar fills up with zeros.
    for await (const chunk of bytes.rest()) if (!isZero(chunk)) throw damaged("something stands behind its end");
    return undefined;
  }
  const entry = parseHeader(block);
  if (!entry) throw damaged("it holds something else than plain files");
  return entry;
}

async function writeWhole(path: string, text: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(text);
}
