import { createReadStream, existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import { splitLines } from "../lines.ts";
import type { RunId } from "../run/identity.ts";
import { openSeal } from "../secret/seal.ts";
import { ensureStoreFolder, openEmbedded } from "../store/embedded.ts";
import { listPlaces, placeName, placeRestored } from "../store/folder.ts";
import { lockFolder } from "../store/lock.ts";
import { isLatest, migrateTo } from "../store/migrations.ts";
import { layDatabase } from "../store/open.ts";
import { putRows } from "../store/rows.ts";
import type { Schema } from "../store/schema.ts";
import { countRows, listTables, setSequence } from "../store/tables.ts";
import { type ArchiveHead, readArchive } from "./archive.ts";
import { stampOf } from "./make.ts";
import { damaged, fingerprintOf, isMarkedBy, type Manifest, rowsPart } from "./manifest.ts";
import { syncFolder } from "./part.ts";

export interface RestoreWish {
  file: string;
  /** The data folder. */
  folder: string;
  /** Sets a store that is there aside. */
  replace: boolean;
  /** Goes on under another seal's key than the backup was made with. */
  newKey: boolean;
  /** The rows are on a PostgreSQL server, by the settings. */
  onServer: boolean;
  nowMs(): number;
}

export interface Restored {
  madeAtMs: number;
  rows: number;
  /** Runs that had not ended, whose repositories are in it: the next start takes them up. */
  work: RunId[];
  /** Where the store that stood there is now. */
  aside?: string;
  /** False: what began after the backup was made will be begun a second time. */
  sameKey: boolean;
}

/**
 * Puts a backup into a data folder on which no App works. Nothing is changed before the whole archive has been read and found good, and
 * nothing is decided before a whole new store stands beside the present one: killed before that the old one counts, after it the new one.
 * Throws Fault "backup.damaged", "backup.newer", "backup.unreadable", "restore.key", "restore.not-empty", "restore.on-server", "store.held",
 * "store.newer", "store.unwritable".
 */
export async function restoreBackup(wish: RestoreWish): Promise<Restored> {
  const head = await readArchive(wish.file);
  const { manifest } = head;
  demandPlace(manifest, wish);
  const sameKey = demandKey(head, wish);
  const folder = join(wish.folder, "store");
  ensureStoreFolder(folder);
  using _ = lockFolder(folder);
  placeRestored(folder);
  if (manifest.rows && existsSync(join(folder, "pg")) && !wish.replace)
    throw new Fault("restore.not-empty", `${folder} holds a store already`, {
      remedy: "With --replace it is set aside under another name, and this backup takes its place",
    });
  for (const left of listPlaces(folder, "restoring")) await rm(left, { recursive: true, force: true });
  const stamp = stampOf(wish.nowMs());
  const draft = join(folder, placeName("restoring", stamp));
  try {
    await mkdir(draft, { mode: 0o700 });
    // Once more: what is used is what was looked at, also where somebody changed the file in between.
    const { manifestText } = await readArchive(wish.file, draft);
    if (manifestText !== head.manifestText) throw damaged("it changed while it was read");
    if (manifest.rows) await buildDatabase(draft, manifest.rows);
    await rm(join(draft, "rows"), { recursive: true, force: true });
    await writeFile(join(draft, "manifest.json"), manifestText, { mode: 0o600 });
    // On disk before it counts.
    await execa("sync", ["-f", draft], { extendEnv: false, env: { PATH: "/usr/local/bin:/usr/bin:/bin" } });
    await rename(draft, join(folder, placeName("restored", stamp)));
    await syncFolder(folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const aside = placeRestored(folder);
  await syncFolder(folder);
  const rows = manifest.rows?.tables.reduce((sum, table) => sum + table.rows, 0) ?? 0;
  return { madeAtMs: manifest.madeAtMs, rows, work: manifest.work.map(({ run }) => run), ...(aside && { aside }), sameKey };
}

function demandPlace(manifest: Manifest, { onServer }: RestoreWish): void {
  if (manifest.rows && onServer)
    throw new Fault("restore.on-server", "This backup holds the rows of an embedded store, and DATABASE_URL is set", {
      remedy: "Restore it without DATABASE_URL; ./airlock migrate then moves the rows to the server",
    });
  if (!manifest.rows && !onServer)
    throw new Fault(
      "restore.on-server",
      "The rows of this backup's Airlock were on a PostgreSQL server, and DATABASE_URL is not set",
      {
        remedy:
          "Restore the database with PostgreSQL's own tools and set DATABASE_URL; this file holds the work of open runs alone",
      },
    );
}

/**
 * A run's id is made from its cause with the seal's key: so a store that has forgotten a run finds on GitHub again what it made there. With
 * another key it does not, and does everything twice that came after the backup.
 */
function demandKey({ manifest, manifestText, mark }: ArchiveHead, { folder, newKey }: RestoreWish): boolean {
  const keyFile = join(folder, "keys", "seal.key");
  const seal = existsSync(keyFile) ? openSeal(keyFile) : undefined;
  if (seal && fingerprintOf(seal) === manifest.key) {
    if (!isMarkedBy(seal, manifestText, mark))
      throw damaged("its list of parts was not written by the Airlock that has this key");
    return true;
  }
  if (newKey) return false;
  throw new Fault(
    "restore.key",
    seal ? `${keyFile} is not the key of the Airlock that was backed up` : `${keyFile} is missing, and no backup holds it`,
    {
      remedy:
        "Put that key file back first (mode 0600). With --new-key another one is gone on with: what was asked for after the backup is then done a second time, under other names",
    },
  );
}

type Rows = NonNullable<Manifest["rows"]>;

async function buildDatabase(draft: string, { migrations, tables, sequences }: Rows): Promise<void> {
  if (isLatest(migrations)) await layDatabase(draft);
  const engine = await openEmbedded(draft, () => {});
  try {
    await migrateTo(engine.db, migrations);
    await fill(engine.db, draft, { migrations, tables, sequences });
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw damaged("its rows do not go into the tables of their version", cause);
  } finally {
    await engine.close();
  }
}

const bytesAtOnce = 2 * 1024 * 1024;

async function fill(db: Kysely<Schema>, draft: string, { tables, sequences }: Rows): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const there = await listTables(trx);
    if (
      there.toSorted().join() !==
      tables
        .map(({ name }) => name)
        .toSorted()
        .join()
    )
      throw damaged("its tables are not those of its version");
    for (const table of there) {
      for await (const lines of readRows(join(draft, rowsPart(table)))) await putRows(trx, table, lines);
      if ((await countRows(trx, table)) !== tables.find(({ name }) => name === table)?.rows)
        throw damaged(`the table ${table} has not as many rows as it says`);
    }
    for (const sequence of sequences) await setSequence(trx, sequence);
    // Whoever held a run then is another life, perhaps on another machine.
    await trx.updateTable("runs").set({ holder: null, lease_until_ms: 0 }).execute();
  });
}

/** Whole rows, some at a time. */
async function* readRows(path: string): AsyncGenerator<string[]> {
  const lines = splitLines();
  for await (const chunk of createReadStream(path, { highWaterMark: bytesAtOnce })) {
    const whole = lines.push(chunk as Buffer);
    if (whole.length > 0) yield whole;
  }
  if (lines.rest() !== "") throw damaged("a table ends within a row");
}
