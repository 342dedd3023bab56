import { join } from "node:path";
import { z } from "zod";
import { backUpBeforeMigration } from "../backup/automatic.ts";
import { borrowGitHost } from "../backup/git-host.ts";
import { stampOf } from "../backup/make.ts";
import { exitCodes, Fault } from "../fault.ts";
import { openSeal } from "../secret/seal.ts";
import { type Database, parseDatabaseUrl } from "../settings/database.ts";
import { readDatabaseSettings, readPlaceSettings } from "../settings.ts";
import { moveStore } from "../store/move.ts";
import type { CommandRun } from "./commands.ts";
import { version } from "./version.ts";

const shape = z.strictObject({ to: z.string().optional(), data: z.string().optional(), json: z.boolean().default(false) });

/** Moves the embedded store to a PostgreSQL server. */
export const runMigrate: CommandRun = async (given, terminal) => {
  const { to, data: dataFolder, json } = shape.parse(given);
  const data = readPlaceSettings({ dataFolder });
  const database = to === undefined ? readDatabaseSettings({ dataFolder }) : parseTarget(to);
  if (!database)
    throw new Fault("settings.DATABASE_URL", "DATABASE_URL is not set", {
      remedy: "Set it to the database that the rows are to be moved to, as postgres://user:password@host/database",
    });
  const moved = await moveStore({
    ...{ folder: data.folder, databaseUrl: database.url, stamp: stampOf(Date.now()) },
    backUp: (db, next) => {
      const seal = openSeal(join(data.folder, "keys", "seal.key"));
      const parts = { db, embedded: true, folder: data.folder, seal, version, nowMs: Date.now };
      return backUpBeforeMigration({ ...parts, openGit: () => borrowGitHost({ data, version }) }, next);
    },
  });
  if (json) terminal.out(JSON.stringify({ ok: true, ...moved }));
  else {
    terminal.err(`${moved.rows} rows are on the server; the embedded store is ${moved.aside}`);
    terminal.err(
      "Set DATABASE_URL in Airlock's settings, then ./airlock start. Keep the data folder: keys and repositories stay in it",
    );
  }
  return exitCodes.done;
};

/** Every account of the machine can read a program's arguments. Throws Fault "usage.to". */
function parseTarget(to: string): Database {
  const database = parseDatabaseUrl(to);
  if (!database)
    throw new Fault("usage.to", "--to is no address such as postgres://user@host/database", { remedy: "Or set DATABASE_URL" });
  if (database.password)
    throw new Fault("usage.to", "--to holds a password, which everybody on this machine can read there", {
      remedy: "Set DATABASE_URL, or DATABASE_URL_FILE to a file that holds it",
    });
  return database;
}
