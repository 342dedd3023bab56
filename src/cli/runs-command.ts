import { Command } from "commander";
import type { CommandFrame } from "./commands.ts";

/** `airlock runs list|show|logs|evidence|cancel|publish|discard`: asks the running App over its local socket. */
export function runsCommand({ terminal, ended }: CommandFrame): Command {
  const runs = new Command("runs")
    .summary("list, show, follow, cancel, publish or discard runs")
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
  const decision = (kind: "publish" | "discard", summary: string) =>
    inner(kind, summary)
      .argument("<run>", "the run's id, or its first letters")
      .option("--commit <sha>", "only if this is the commit that is held")
      .option("--json", 'print {"ok":true,"sha":…}')
      .action(async (id, options) =>
        ended(await (await import("./runs/decide.ts")).decideRun(kind, { ...options, run: id }, terminal)),
      );
  runs.addCommand(decision("publish", "push what a held run shows, exactly as it is"));
  runs.addCommand(decision("discard", "drop what a held run shows; the patch is kept"));
  runs.addCommand(
    inner("evidence", "print a run's record of requests, or verify it")
      .argument("<run>", "the run's id, or its first letters")
      .option("--verify", "recompute the chain of digests; exit 1 where a row does not fit")
      .option("--json", 'print {"run":…,"rows":[…]}, or with --verify {"run":…,"ok":…}')
      .action(async (id, options) =>
        ended(await (await import("./runs/evidence.ts")).printEvidence({ ...options, run: id }, terminal)),
      ),
  );
  return runs;
}
