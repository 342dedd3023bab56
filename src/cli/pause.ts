import { z } from "zod";
import { exitCodes } from "../fault.ts";
import { appSocket } from "../settings/place.ts";
import { readPlaceSettings } from "../settings.ts";
import type { CommandRun } from "./commands.ts";
import { plain } from "./plain.ts";
import { runsClient } from "./runs/client.ts";

const shape = z.strictObject({
  repo: z.string().optional(),
  now: z.boolean().default(false),
  data: z.string().optional(),
  json: z.boolean().default(false),
});

function parse(options: unknown) {
  const parsed = shape.parse(options);
  const place = readPlaceSettings({ dataFolder: parsed.data });
  return { ...parsed, client: runsClient({ socketPath: appSocket(place), dataFolder: place.folder }) };
}

/** Keeps runs from beginning until `resume`. */
export const runPause: CommandRun = async (options, terminal) => {
  const { repo, now, json, client } = parse(options);
  await client.pause({ repository: repo, working: now });
  if (json) terminal.out(JSON.stringify({ ok: true }));
  else {
    const rest = now ? "those at work are put away, and go on after" : "those at work go on";
    terminal.err(`${whatIs(repo)} paused: no run begins until ./airlock resume${repo ? ` --repo ${plain(repo)}` : ""}; ${rest}`);
  }
  return exitCodes.done;
};

/** Takes a pause back. Exit code 1 where there was none. */
export const runResume: CommandRun = async (options, terminal) => {
  const { repo, json, client } = parse(options);
  const changed = await client.resume({ repository: repo });
  const left = changed ? [] : (await client.pauses()).pauses;
  if (json) terminal.out(JSON.stringify({ ok: changed }));
  else if (changed) terminal.err(`${whatIs(repo)} resumed`);
  else {
    const others = left.map(({ repository }) => (repository === undefined ? "everything" : plain(repository))).join(", ");
    terminal.err(`${whatIs(repo)} not paused${others === "" ? "" : `; paused: ${others}`}`);
  }
  return changed ? exitCodes.done : exitCodes.failed;
};

function whatIs(repo: string | undefined): string {
  return repo === undefined ? "everything is" : `${plain(repo)} is`;
}
