import { Command, Option } from "commander";
import { runsCommand } from "./runs-command.ts";
import { sandboxCommand } from "./sandbox-command.ts";
import type { Terminal } from "./terminal.ts";
import { tokenCommand } from "./token-command.ts";

export interface CommandFrame {
  terminal: Terminal;
  /** Called once with the command's exit code. */
  ended: (code: number) => void;
}

/** What a command's own file offers: options as commander read them, not yet checked; the exit code when it has ended. */
export type CommandRun = (options: Record<string, unknown>, terminal: Terminal) => Promise<number>;

/** Every command with its options. What a command needs is imported when it runs: `--help` answers at once. */
export function commands(frame: CommandFrame): Command[] {
  const run = (load: () => Promise<CommandRun>) => async (options: Record<string, unknown>) =>
    frame.ended(await (await load())(options, frame.terminal));

  const runWith =
    (argument: (text: string | undefined) => Record<string, unknown>, load: () => Promise<CommandRun>) =>
    (text: string | undefined, options: Record<string, unknown>) =>
      run(load)({ ...options, ...argument(text) });

  return [
    new Command("demo")
      .summary("watch an issue become a pull request, all on this machine")
      .description(
        "Starts Airlock with a local GitHub and a local model, labels an issue, and shows the pull request that comes of it.\nNothing leaves this machine unless a real ANTHROPIC_API_KEY is set.",
      )
      .option("--provision", provisionHelp)
      .addOption(modeOption())
      .option("--keep", "keep the pages up until ctrl-c (as on a terminal)")
      .option("--json", "print one JSON object at the end")
      .action(run(async () => (await import("./demo.ts")).runDemo)),

    new Command("start")
      .summary("run the App for a real GitHub")
      .description("Runs the App with the settings of the environment and of .env. With no APP_ID it offers to register one.")
      .option("--provision", provisionHelp)
      .addOption(
        new Option("--role <role>", "what this process does of the work that several share through DATABASE_URL")
          .choices(["all", "web", "worker"])
          .default("all"),
      )
      .option("--label <label...>", "what this machine has and a repository may ask for, beside AIRLOCK_LABELS")
      .option("--data <folder>", dataHelp)
      .option("--json", "print one JSON line once ready")
      .action(run(async () => (await import("./start.ts")).runStart)),

    new Command("dev")
      .summary("run the App with a local GitHub and a local model, until ctrl-c")
      .description(
        "Prints where everything listens and the tokens to act with. The model does what a scenario or an `airlock-sh` block says.",
      )
      .option("--provision", provisionHelp)
      .option("--scenario <file>", 'what the local model does, as JSON: {"turns":[…]}')
      .addOption(modeOption())
      .option("--data <folder>", "data folder to keep (default: one of its own, removed at the end)")
      .option("--json", "print one JSON line once ready")
      .action(run(async () => (await import("./dev.ts")).runDev)),

    new Command("test")
      .summary("run Airlock's own tests")
      .description("Lint, types and tests. The last line of stdout is `N passed, N failed`.")
      .option("--fast", "only what needs no engine: lint, types and unit tests")
      .option("--provision", provisionHelp)
      .option("--filter <text>", "only test files whose path holds this text")
      .option("--json", "print one JSON object as the line before the last")
      .action(run(async () => (await import("./test.ts")).runTest)),

    new Command("pause")
      .summary("keep runs from beginning, until resume")
      .description("What is asked for meanwhile waits in the queue and says so. Speaks to the running App over its local socket.")
      .option("--repo <owner/name>", "only runs of this repository (default: all)")
      .option("--now", "put those away that are at work; they go on after resume, with the agent's session as it was")
      .option("--data <folder>", dataHelp)
      .option("--json", 'print {"ok":true}')
      .action(run(async () => (await import("./pause.ts")).runPause)),

    new Command("resume")
      .summary("let runs begin again, and go on")
      .description("Takes a pause back. Exit code 1 where there was none.")
      .option("--repo <owner/name>", "the repository that was paused (default: the pause of all)")
      .option("--data <folder>", dataHelp)
      .option("--json", 'print {"ok":…}')
      .action(run(async () => (await import("./pause.ts")).runResume)),

    new Command("machines")
      .summary("list the machines that share the database")
      .description(
        "With their places and labels, and when each was last heard of. Speaks to the running App over its local socket.",
      )
      .option("--data <folder>", dataHelp)
      .option("--json", "print one JSON object")
      .action(run(async () => (await import("./machines.ts")).runMachines)),

    new Command("disk")
      .summary("show how full this machine's disks are, and what Airlock has on them")
      .description("Speaks to the running App over its local socket. Exit code 1 while a disk is so full that no run begins.")
      .option("--data <folder>", dataHelp)
      .option("--json", "print one JSON object")
      .action(run(async () => (await import("./disk.ts")).runDisk)),

    new Command("budget")
      .summary("show what may be spent over all runs, and what is")
      .description(
        "Caps, spent and reserved, in US dollars, by UTC day and month. Speaks to the running App over its local socket.",
      )
      .option("--data <folder>", dataHelp)
      .option("--json", 'print {"budgets":[…]}, amounts in millionths of a dollar')
      .action(run(async () => (await import("./budget.ts")).runBudget)),

    new Command("backup")
      .summary("write a backup, also while the App runs")
      .description(
        "Rows, and the repositories of runs that have not ended, in one file (mode 0600). No key is in it: keep keys/seal.key and app.json of\nthe data folder, and your settings, somewhere else. Prints the file's name.",
      )
      .argument("[file]", "a new file (default: one in the folder backups of the data folder, named after the time)")
      .option("--data <folder>", dataHelp)
      .option("--json", 'print {"ok":true,"file":…,"bytes":…,"rows":…,"work":[…]}')
      .action(
        runWith(
          (file) => ({ file }),
          async () => (await import("./backup.ts")).runBackup,
        ),
      ),

    new Command("restore")
      .summary("put a backup into a data folder on which no App runs")
      .description("Reads the whole file first: a damaged one is refused, and nothing is changed.")
      .argument("<file>", "what ./airlock backup wrote")
      .option("--replace", "set a store that is there aside, under a name that is printed")
      .option("--new-key", "go on without the seal key of the backup: what was asked for after it is then done twice")
      .option("--data <folder>", dataHelp)
      .option("--json", 'print {"ok":true,"rows":…,"work":[…],"aside":…}')
      .action(
        runWith(
          (file) => ({ file }),
          async () => (await import("./restore.ts")).runRestore,
        ),
      ),

    new Command("migrate")
      .summary("move the rows of the data folder to the PostgreSQL server of DATABASE_URL")
      .description(
        "With no App running, into an empty database: all of them, or none. Can be repeated after a kill at any point.",
      )
      .option("--to <url>", "another database than DATABASE_URL (without a password: arguments can be read by others)")
      .option("--data <folder>", dataHelp)
      .option("--json", 'print {"ok":true,"rows":…,"aside":…}')
      .action(run(async () => (await import("./migrate.ts")).runMigrate)),

    runsCommand(frame),
    sandboxCommand(frame),
    tokenCommand(frame),
  ];
}

const provisionHelp = "install and start what is missing (as root on Debian or Ubuntu)";
const dataHelp = "data folder (default: AIRLOCK_DATA)";

function modeOption(): Option {
  return new Option("--mode <mode>", "how sandboxes meet the network").choices(["sealed", "firewalled"]).default("sealed");
}
