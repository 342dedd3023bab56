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
