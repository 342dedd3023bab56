import { resolve } from "node:path";
import { z } from "zod";
import { restoreBackup } from "../backup/restore.ts";
import { exitCodes } from "../fault.ts";
import { readDatabaseSettings, readPlaceSettings } from "../settings.ts";
import type { CommandRun } from "./commands.ts";

const shape = z.strictObject({
  file: z.string().min(1),
  replace: z.boolean().default(false),
  newKey: z.boolean().default(false),
  data: z.string().optional(),
  json: z.boolean().default(false),
});

/** Puts a backup into a data folder on which no App works. */
export const runRestore: CommandRun = async (given, terminal) => {
  const { file, replace, newKey, data, json } = shape.parse(given);
  const source = { dataFolder: data };
  const { folder } = readPlaceSettings(source);
  const onServer = readDatabaseSettings(source) !== undefined;
  const restored = await restoreBackup({ file: resolve(file), folder, replace, newKey, onServer, nowMs: Date.now });
  if (json) {
    terminal.out(JSON.stringify({ ok: true, ...restored }));
    return exitCodes.done;
  }
  const { madeAtMs, rows, work, aside, sameKey } = restored;
  const open = `${work.length} ${work.length === 1 ? "run that had" : "runs that had"} not ended`;
  terminal.err(`${folder} holds the backup of ${new Date(madeAtMs).toISOString()}: ${rows} rows, ${open}`);
  if (aside !== undefined) terminal.err(`The store that was there is ${aside}`);
  if (!sameKey) terminal.err("airlock: under another seal key: what was asked for after the backup will be done a second time");
  terminal.err("./airlock start goes on from there: what GitHub says has happened since is not done again");
  return exitCodes.done;
};
