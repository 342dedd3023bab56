import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { borrowGitHost } from "../backup/git-host.ts";
import { type Backup, backupsFolder, makeBackup, stampOf } from "../backup/make.ts";
import { exitCodes, Fault } from "../fault.ts";
import { openSeal } from "../secret/seal.ts";
import { appSocket, type Place } from "../settings/place.ts";
import { readDatabaseSettings, readPlaceSettings } from "../settings.ts";
import { openEmbedded } from "../store/embedded.ts";
import { placeRestored } from "../store/folder.ts";
import { lockFolder } from "../store/lock.ts";
import { openPostgres } from "../store/postgres.ts";
import type { CommandRun } from "./commands.ts";
import { runsClient } from "./runs/client.ts";
import { version } from "./version.ts";

const shape = z.strictObject({
  file: z.string().min(1).optional(),
  data: z.string().optional(),
  json: z.boolean().default(false),
});

/** Writes a backup: the App does it where one runs, this command where none does. */
export const runBackup: CommandRun = async (given, terminal) => {
  const options = shape.parse(given);
  const source = { dataFolder: options.data };
  const data = readPlaceSettings(source);
  const file = resolve(options.file ?? join(backupsFolder(data.folder), `airlock-${stampOf(Date.now())}.tar.gz`));
  const made = (await askApp(data, file)) ?? (await makeAlone(data, file, readDatabaseSettings(source)?.url));
  if (options.json) terminal.out(JSON.stringify({ ok: true, ...made }));
  else {
    terminal.out(made.file);
    terminal.err(printBackup(made));
  }
  return exitCodes.done;
};

function printBackup({ bytes, rows, work }: Backup): string {
  const what = rows === undefined ? "no rows" : `${rows} rows`;
  const size = `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const open = `the repositories of ${work.length} ${work.length === 1 ? "run that has" : "runs that have"} not ended`;
  const server = "\nThe rows are on a PostgreSQL server: back them up there (pg_dump), at the same time";
  return `${size}: ${what}, ${open}, and no key. Keep keys/seal.key and app.json of the data folder, and your settings, somewhere else${rows === undefined ? server : ""}`;
}

/** Undefined where no App runs. */
async function askApp(data: Place, file: string): Promise<Backup | undefined> {
  if (!existsSync(appSocket(data))) return undefined;
  try {
    return await runsClient({ socketPath: appSocket(data), dataFolder: data.folder }).backUp(file);
  } catch (error) {
    // The socket of one that was killed: the folder's lock decides.
    if (error instanceof Fault && error.code === "engine.airlock-away" && isGone(error.cause)) return undefined;
    throw error;
  }
}

function isGone(cause: unknown): boolean {
  return ["ECONNREFUSED", "ENOENT"].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}

async function makeAlone(data: Place, file: string, url: Parameters<typeof openPostgres>[0]["url"] | undefined): Promise<Backup> {
  const folder = join(data.folder, "store");
  if (!existsSync(folder))
    throw new Fault("backup.nothing", `There is no store in ${data.folder}`, {
      remedy: "Name the data folder with --data or AIRLOCK_DATA",
    });
  using _ = lockFolder(folder);
  placeRestored(folder);
  if (!url && !existsSync(join(folder, "pg")))
    throw new Fault("backup.nothing", `There is no embedded store in ${folder}`, {
      remedy: "Set DATABASE_URL where the rows are on a server, or name the data folder with --data or AIRLOCK_DATA",
    });
  const { db, close } = url ? await openPostgres({ url, onError: () => {} }) : await openEmbedded(folder, () => {});
  try {
    const parts = { db, embedded: url === undefined, folder: data.folder, seal: openSeal(join(data.folder, "keys", "seal.key")) };
    return await makeBackup({ ...parts, openGit: () => borrowGitHost({ data, version }), version, nowMs: Date.now }, file);
  } finally {
    await close();
  }
}
