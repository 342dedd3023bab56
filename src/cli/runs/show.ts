import { exitCodes } from "../../fault.ts";
import { plain, plainJson } from "../plain.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { parseRunsOptions, requireRunId } from "./options.ts";

export async function showRun(options: unknown, terminal: Terminal): Promise<number> {
  const parsed = parseRunsOptions(options);
  const run = await parsed.client.show(requireRunId(parsed));
  if (parsed.json) {
    terminal.out(plainJson(run));
    return exitCodes.done;
  }
  const rows = Object.entries(run).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [[words(key), printValue(key, value)]],
  );
  for (const line of printTable(rows)) terminal.out(line);
  return exitCodes.done;
}

/** "createdAtMs" -> "created at". */
function words(key: string): string {
  return plain(
    key
      .replace(/Ms$/, "")
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase(),
  );
}

function printValue(key: string, value: unknown): string {
  if (typeof value === "number" && key.endsWith("AtMs")) return new Date(value).toISOString();
  return plain(typeof value === "string" ? value : JSON.stringify(value));
}
