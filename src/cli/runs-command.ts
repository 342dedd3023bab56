import { Command } from "commander";
import type { CommandFrame } from "./commands.ts";

/** `airlock runs list|show|logs|cancel`: asks the running App over its local socket. */
export function runsCommand({ terminal, ended }: CommandFrame): Command {
  const runs = new Command("runs")
    .summary("list, show, follow or cancel runs of the running App")
    .description("Speaks to the running App over its local socket.");

  const inner = (name: string, summary: string) =>
    new Command(name)
      .summary(summary)
      .description(`${summary}.`)
      .option("--data <folder>", "data folder of the App (default: AIRLOCK_DATA)");

  runs.addCommand(
    inner("list", "list the latest runs")
      .option("--json", 'print {"runs":[…]}')
      .action(async (options) => ended(await (await import("./runs/list.ts")).listRuns(options, terminal))),
  );
  runs.addCommand(
    inner("show", "show one run")
      .argument("<run>", "the run's id, or its first letters")
      .option("--json", "print the run as one JSON object")
      .action(async (id, options) => ended(await (await import("./runs/show.ts")).showRun({ ...options, run: id }, terminal))),
  );
  runs.addCommand(
    inner("logs", "print a run's transcript")
      .argument("<run>", "the run's id, or its first letters")
      .option("-f, --follow", "go on until the run has ended")
      .option("--json", "print one JSON object a line")
      .action(async (id, options) => ended(await (await import("./runs/logs.ts")).printLogs({ ...options, run: id }, terminal))),
  );
  runs.addCommand(
    inner("cancel", "stop a run; what it pushed is kept")
      .argument("<run>", "the run's id, or its first letters")
      .option("--json", 'print {"ok":true}')
      .action(async (id, options) =>
        ended(await (await import("./runs/cancel.ts")).cancelRun({ ...options, run: id }, terminal)),
      ),
  );
  return runs;
}
