import { z } from "zod";
import { exitCodes } from "../fault.ts";
import { printUtc } from "../run/waiting.ts";
import { appSocket } from "../settings/place.ts";
import { readPlaceSettings } from "../settings.ts";
import type { CommandRun } from "./commands.ts";
import { plain, plainJson } from "./plain.ts";
import { type BudgetLine, runsClient } from "./runs/client.ts";
import { printTable } from "./table.ts";

const shape = z.strictObject({ data: z.string().optional(), json: z.boolean().default(false) });

/** Where money over all runs stands. */
export const runBudget: CommandRun = async (options, terminal) => {
  const { data, json } = shape.parse(options);
  const place = readPlaceSettings({ dataFolder: data });
  const budgets = await runsClient({ socketPath: appSocket(place), dataFolder: place.folder }).budgets();
  if (json) terminal.out(plainJson({ budgets }));
  else if (budgets.length === 0) terminal.err("no budget over all runs is set, and none was: see docs/limits.md");
  else
    for (const line of printTable([["BUDGET", "PER", "SPENT", "RESERVED", "CAP", "ENDS"], ...budgets.map(row)]))
      terminal.out(line);
  return exitCodes.done;
};

function row({ scope, name, per, spentMicroUsd, reservedMicroUsd, capMicroUsd, endsAtMs }: BudgetLine): string[] {
  const whose = scope === "deployment" ? "this Airlock" : `${scope} ${plain(name ?? "unknown")}`;
  const cap = capMicroUsd === undefined ? "none" : printUsd(capMicroUsd);
  return [whose, per, printUsd(spentMicroUsd), printUsd(reservedMicroUsd), cap, printUtc(endsAtMs)];
}

/** Up to four digits behind the point, as caps may have. */
function printUsd(microUsd: number): string {
  return `$${(microUsd / 1e6).toFixed(4).replace(/00$/, "")}`;
}
