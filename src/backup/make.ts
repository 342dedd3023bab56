import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import { readSpent } from "../gateway/model/ledger.ts";
import type { GitHost } from "../git/client.ts";
import type { RunId } from "../run/identity.ts";
import type { Run } from "../run/state.ts";
import type { Seal } from "../secret/seal.ts";
import { listMigrations } from "../store/migrations.ts";
import { readRows } from "../store/rows.ts";
import type { Schema } from "../store/schema.ts";
import { writeArchive } from "./archive.ts";
import { fingerprintOf, type Manifest, markOf, rowsPart, workPart } from "./manifest.ts";
import { openPart, type PartWriter } from "./part.ts";
import { packRepository } from "./repository.ts";

export interface BackupParts {
  db: Kysely<Schema>;
  /** False where the rows are on a PostgreSQL server: its own tools back those up. */
  embedded: boolean;
  /** The data folder. */
  folder: string;
  seal: Seal;
  /** Asked for only where a run is open. */
  openGit(): Promise<{ git: GitHost } & AsyncDisposable>;
  version: string;
  nowMs(): number;
}

export interface Backup {
  file: string;
  bytes: number;
  /** Rows in it; undefined where they are on a PostgreSQL server. */
  rows?: number | undefined;
  /** Runs that had not ended, whose repositories are in it. */
  work: RunId[];
  /** For how long the store was held. */
  heldMs: number;
}

/** Nobody else reads here: what agents said and made lies in it. */
export function backupsFolder(folder: string): string {
  return join(folder, "backups");
}

/** "2026-11-26T23-09-54-123Z": sorts by time, and is a file's name everywhere. */
export function stampOf(atMs: number): string {
  return new Date(atMs).toISOString().replaceAll(/[:.]/g, "-");
}

/**
 * Writes all that would be lost with the data folder, and no secret, into one file: the rows as they stand at one moment, also while the
 * App works, and the repositories of the runs that had not ended by then. To be called by whoever holds the data folder, once at a time.
 * Throws Fault "backup.exists", "backup.failed".
 */
export async function makeBackup(parts: BackupParts, file: string): Promise<Backup> {
  if (existsSync(file))
    throw new Fault("backup.exists", `${file} is there already`, { remedy: "Name another file, or move that one away" });
  const draft = await openDraft(parts.folder);
  try {
    const { manifest, heldMs } = await fillDraft(parts, draft);
    const manifestText = JSON.stringify(manifest);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const bytes = await writeArchive(draft, { manifest, manifestText, mark: markOf(parts.seal, manifestText) }, file);
    const rows = manifest.rows?.tables.reduce((sum, table) => sum + table.rows, 0);
    return { file, bytes, ...(rows !== undefined && { rows }), work: manifest.work.map(({ run }) => run), heldMs };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** One after the other, however many ask at once. */
export function createBackups(parts: BackupParts): (file: string) => Promise<Backup> {
  let before: Promise<unknown> = Promise.resolve();
  return (file) => {
    const mine = before.then(() => makeBackup(parts, file));
    before = mine.catch(() => {});
    return mine;
  };
}

const draftPrefix = "draft-";

/** In the data folder, which has room for what it holds. What one that was killed has left is removed. */
async function openDraft(folder: string): Promise<string> {
  const backups = backupsFolder(folder);
  await mkdir(backups, { recursive: true, mode: 0o700 });
  for (const name of await readdir(backups))
    if (name.startsWith(draftPrefix)) await rm(join(backups, name), { recursive: true, force: true });
  return mkdtemp(join(backups, draftPrefix));
}

async function fillDraft(parts: BackupParts, draft: string): Promise<{ manifest: Manifest; heldMs: number }> {
  const { open, rows, rowParts, heldMs } = parts.embedded ? await writeRows(parts.db, draft) : await findOpen(parts.db);
  // After the rows: whatever they speak of is in the repositories by then, to which things are only ever added.
  const { work, workParts } = await writeWork(parts, open, draft);
  const manifest: Manifest = {
    ...{ airlock: "backup", format: 1, version: parts.version, madeAtMs: parts.nowMs(), key: fingerprintOf(parts.seal) },
    ...(rows && { rows }),
    ...{ work, parts: [...rowParts, ...workParts] },
  };
  return { manifest, heldMs };
}

interface Written {
  open: { run: RunId; state: Run }[];
  rows: Manifest["rows"];
  rowParts: Manifest["parts"];
  heldMs: number;
}

async function writeRows(db: Kysely<Schema>, draft: string): Promise<Written> {
  const migrations = await listMigrations(db);
  const writers = new Map<string, PartWriter>();
  const writerOf = async (table: string) => {
    const writer = writers.get(table) ?? (await openPart(join(draft, rowsPart(table))));
    writers.set(table, writer);
    return writer;
  };
  const { tables, sequences, open, heldMs } = await readRows(db, {
    ...{ withTokens: false, inUse: true },
    write: async (table, rows) => (await writerOf(table)).write(rows.map((row) => `${row}\n`).join("")),
  });
  const rowParts: Manifest["parts"] = [];
  for (const { name } of tables) rowParts.push({ name: rowsPart(name), ...(await (await writerOf(name)).end()) });
  return { open, rows: { migrations, tables, sequences }, rowParts, heldMs };
}

async function findOpen(db: Kysely<Schema>): Promise<Written> {
  const open = await db.selectFrom("runs").select(["id as run", "state"]).where("at", "<>", "ended").orderBy("id").execute();
  return { open, rows: undefined, rowParts: [], heldMs: 0 };
}

async function writeWork(
  parts: BackupParts,
  open: Written["open"],
  draft: string,
): Promise<{ work: Manifest["work"]; workParts: Manifest["parts"] }> {
  const work: Manifest["work"] = [];
  const workParts: Manifest["parts"] = [];
  if (open.length === 0) return { work, workParts };
  await using host = await parts.openGit();
  const there = new Set((await host.git.listRuns()).map(({ run }) => run));
  for (const { run, state } of open.filter((each) => there.has(each.run))) {
    const name = workPart(run);
    const packed = await packRepository(host.git, { run, state, path: join(draft, name) });
    // Ended, and taken away, while the others were packed: GitHub knows how.
    if (!packed) continue;
    workParts.push({ name, ...packed.part });
    work.push({ run, ...packed.shape, spent: readSpent(join(parts.folder, "spool"), run) });
  }
  return { work, workParts };
}
