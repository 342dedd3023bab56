import { Command } from "commander";
import type { CommandFrame } from "./commands.ts";

/** `airlock sandbox verify|exec|shell`: a sandbox like a run's, for whoever operates this machine. */
export function sandboxCommand({ terminal, ended }: CommandFrame): Command {
  const sandbox = new Command("sandbox")
    .summary("verify a sandbox, or run a command in one")
    .description(
      "Each makes a fresh sandbox as a run gets it, with a real gateway, and removes it. Beside a running start or dev it is that App's;\notherwise it is an App's with a local GitHub and a local model.",
    );
  const add = (command: Command) =>
    sandbox.addCommand(
      command
        .option("--mode <mode>", "how it meets the network: sealed or firewalled", "sealed")
        .option("--data <folder>", "data folder of the running App (default: AIRLOCK_DATA)")
        .option("--local", "with a local GitHub and model, though an App is running"),
    );
  const repository: [string, string] = ["--repo <owner/name>", "the repository (default, with the local GitHub: acme/shop)"];
  add(
    new Command("verify")
      .summary("print what was looked at, from inside and outside, before an agent may start")
      .description("Exits with 1 if one of the checks failed, or is missing.")
      .option("--dial <address>", "what the probe must not reach (default: an address of documentation)")
      .option("--json", 'print {"mode":…,"checks":[…],"failed":0}')
      .action(async (options) => ended(await (await import("./sandbox/verify.ts")).verify(options, terminal))),
  );
  add(
    new Command("exec")
      .summary("run a command exactly as the agent would run")
      .description("Prints its output, and the gateway's record on stderr. Exits with its code. Its stdin is empty.")
      .argument("<command...>", "after --, with its arguments")
      .option(...repository)
      .option("--json", 'print {"exitCode":…,"stdout":…,"stderr":…,"record":[…]}')
      .action(async (argv, options) => ended(await (await import("./sandbox/exec.ts")).exec({ ...options, argv }, terminal))),
  );
  add(
    new Command("shell")
      .summary("open a shell where the agent would work")
      .option(...repository)
      .action(async (options) => ended(await (await import("./sandbox/shell.ts")).shell(options, terminal))),
  );
  return sandbox;
}
