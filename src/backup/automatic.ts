import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import { readArchiveHead } from "./archive.ts";
import { type Backup, type BackupParts, backupsFolder, makeBackup, stampOf } from "./make.ts";

const kept = 3;

/**
 * A backup that Airlock makes by itself, before the schema of a store changes. One for each state of the store: a start that fails and is
 * tried again makes no second one. The last three of these stay; what an operator made is not touched. Throws Fault "backup.before-migration".
 */
export async function backUpBeforeMigration(parts: BackupParts, next: string): Promise<void> {
  const folder = backupsFolder(parts.folder);
  try {
    const file = join(folder, `before-${next}-${stampOf(parts.nowMs())}.tar.gz`);
    const earlier = (await listAutomatic(folder)).at(-1);
    const made = await makeBackup(parts, file);
    if (earlier !== undefined && (await holdTheSame(earlier, made))) await rm(file);
    for (const old of (await listAutomatic(folder)).slice(0, -kept)) await rm(old);
  } catch (cause) {
    throw new Fault(
      "backup.before-migration",
      "The store is to be brought to this version, and no backup of it could be made before",
      {
        remedy: `See whether there is room in ${folder}, then start again; nothing was changed, so that the version before still starts`,
        cause,
      },
    );
  }
}

/** Oldest first: the time is at the end of the name. */
async function listAutomatic(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const timeOf = (name: string) => /^before-\d{4}-[a-z0-9-]+-(\d{4}-\d\d-\d\dT[\d-]+Z)\.tar\.gz$/.exec(name)?.[1];
  const names = (await readdir(folder)).flatMap((name) => ({ name, time: timeOf(name) }) as const).filter(({ time }) => time);
  return names.sort((a, b) => (a.time ?? "").localeCompare(b.time ?? "")).map(({ name }) => join(folder, name));
}

/** The rows alone: how git packs the same objects is not always the same. */
async function holdTheSame(earlier: string, made: Backup): Promise<boolean> {
  const [one, other] = [await readRowParts(earlier), await readRowParts(made.file)];
  return one !== undefined && one === other;
}

/** Undefined where it is no whole backup (any more). */
async function readRowParts(file: string): Promise<string | undefined> {
  try {
    const { manifest } = await readArchiveHead(file);
    return JSON.stringify(manifest.parts.filter(({ name }) => name.startsWith("rows/")));
  } catch (error) {
    if (error instanceof Fault && error.code === "backup.damaged") return undefined;
    throw error;
  }
}
