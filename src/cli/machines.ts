import { exitCodes } from "../fault.ts";
import type { CommandRun } from "./commands.ts";
import { plain, plainJson } from "./plain.ts";
import { parseRunsOptions } from "./runs/options.ts";
import { printAge, printTable } from "./table.ts";

/** Lists the machines that share the running App's database. */
export const runMachines: CommandRun = async (given, terminal) => {
  const { client, json } = parseRunsOptions(given);
  const { machines, nowMs } = await client.machines();
  if (json) terminal.out(plainJson({ machines }));
  else {
    const rows = machines.map(({ machine, places, labels, version, seenAtMs }) =>
      [machine, String(places), labels.join(", ") || "-", version, printAge(nowMs - seenAtMs)].map(plain),
    );
    for (const line of printTable([["MACHINE", "PLACES", "LABELS", "VERSION", "HEARD OF"], ...rows])) terminal.out(line);
  }
  return exitCodes.done;
};
