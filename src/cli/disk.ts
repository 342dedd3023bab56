import { z } from "zod";
import { exitCodes } from "../fault.ts";
import { printBytes, printNumberOf } from "../report/words.ts";
import { printFull, shareOf } from "../run/full.ts";
import { appSocket } from "../settings/place.ts";
import { readPlaceSettings } from "../settings.ts";
import type { CommandRun } from "./commands.ts";
import { plain, plainJson } from "./plain.ts";
import { runsClient } from "./runs/client.ts";
import { printTable } from "./table.ts";

const shape = z.strictObject({ data: z.string().optional(), json: z.boolean().default(false) });

/** Shows the disks, and what is Airlock's on them. Exit code 1 while no run may begin. */
export const runDisk: CommandRun = async (options, terminal) => {
  const { data, json } = shape.parse(options);
  const place = readPlaceSettings({ dataFolder: data });
  const seen = await runsClient({ socketPath: appSocket(place), dataFolder: place.folder }).disk();
  if (json) terminal.out(plainJson(seen));
  else {
    const disks = seen.disks.map((disk) =>
      [disk.path, `${Math.ceil(shareOf({ ...disk, of: [] }) * 100)} %`, printBytes(disk.availableBytes)].map(plain),
    );
    for (const line of printTable([["DISK OF", "USED", "FREE"], ...disks])) terminal.out(line);
    terminal.out("");
    const held = seen.holdings.map(({ kind, bytes, count }) =>
      [kind, printBytes(bytes), count === undefined ? "" : printNumberOf(count, "piece")].map(plain),
    );
    for (const line of printTable([["AIRLOCK HAS", "SIZE", ""], ...held])) terminal.out(line);
    const bound = seen.boundPercent === undefined ? "no bound is set" : `no run begins from ${seen.boundPercent} % on`;
    terminal.err(seen.full ? `${printFull(seen.full)}: ${plain(seen.full.path)}` : bound);
  }
  return seen.full ? exitCodes.failed : exitCodes.done;
};
