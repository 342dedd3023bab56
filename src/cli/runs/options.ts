import { z } from "zod";
import { Fault } from "../../fault.ts";
import { appSocket } from "../../settings/place.ts";
import { readPlaceSettings } from "../../settings.ts";
import { type RunsClient, runsClient } from "./client.ts";

const shape = z.strictObject({
  run: z.string().optional(),
  commit: z.string().optional(),
  data: z.string().optional(),
  json: z.boolean().default(false),
  follow: z.boolean().default(false),
  verify: z.boolean().default(false),
});

export type RunsOptions = z.output<typeof shape> & { client: RunsClient };

/** Options of every `runs` command, and the client of the App that they mean. */
export function parseRunsOptions(options: unknown): RunsOptions {
  const parsed = shape.parse(options);
  const place = readPlaceSettings({ dataFolder: parsed.data });
  return { ...parsed, client: runsClient({ socketPath: appSocket(place), dataFolder: place.folder }) };
}

/** A run's id, or the beginning of one. Throws Fault "usage.run-id". */
export function requireRunId({ run = "" }: RunsOptions): string {
  if (/^[a-z2-7]{1,16}$/.test(run)) return run;
  throw new Fault("usage.run-id", "that is no run's id: up to sixteen letters and digits are", {
    remedy: "See ./airlock runs list",
  });
}
