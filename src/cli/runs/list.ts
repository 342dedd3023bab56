import { exitCodes } from "../../fault.ts";
import { printFull } from "../../run/full.ts";
import { plain, plainJson } from "../plain.ts";
import { printAge, printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { parseRunsOptions } from "./options.ts";

export async function listRuns(options: unknown, terminal: Terminal): Promise<number> {
  const { client, json } = parseRunsOptions(options);
  const runs = await client.list();
  if (json) {
    terminal.out(plainJson({ runs }));
  } else if (runs.length === 0) {
    terminal.err("no runs yet");
  } else {
    const now = Date.now();
    const rows = runs.map((run) =>
      [run.id, run.repository, run.subject, run.outcome ?? run.state, run.requester, printAge(now - run.createdAtMs)].map(plain),
    );
    for (const line of printTable([["RUN", "REPOSITORY", "SUBJECT", "STATE", "BY", "AGE"], ...rows])) terminal.out(line);
  }
  if (json) return exitCodes.done;
  const { pauses, full } = await client.pauses();
  for (const { repository, by } of pauses)
    terminal.err(
      `${repository === undefined ? "everything" : plain(repository)} is paused by ${plain(by)}: see ./airlock resume --help`,
    );
  if (full) terminal.err(`${printFull(full)}: see ./airlock disk`);
  return exitCodes.done;
}
