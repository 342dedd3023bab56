import { Command, CommanderError } from "commander";
import { exitCodeOf, exitCodes } from "../fault.ts";
import { commands } from "./commands.ts";
import { reportFault } from "./report-fault.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** Runs one command line and gives its exit code; never throws. `argv`: without node and script. */
export async function runCommandLine(argv: string[], terminal: Terminal = processTerminal()): Promise<number> {
  let code: number = exitCodes.done;
  const program = buildProgram(terminal, (ended) => {
    code = ended;
  });
  try {
    // A bare `airlock` is a question, not a mistake.
    await program.parseAsync(argv.length === 0 ? ["help"] : argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    // Somebody asked it to stop while it waited: no failure to report.
    if (isAbort(error)) return exitCodes.interrupted;
    reportFault(error, { terminal, json: wantsJson(argv) });
    return exitCodeOf(error);
  }
}

function buildProgram(terminal: Terminal, ended: (code: number) => void): Command {
  const program: Command = new Command("airlock")
    .description("Label an issue, get a pull request: coding agents in a sandbox that has no network and holds no secret.")
    .version(version, "-v, --version", "print the version")
    .configureOutput({ writeOut: (text) => terminal.out(text.trimEnd()), writeErr: (text) => terminal.err(text.trimEnd()) })
    .showHelpAfterError("(airlock help tells the commands, --help a command's options)")
    .helpCommand("help [command]", "show the commands, or one command's options")
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 usage, 69 engine or GitHub away, 78 settings, 130 interrupted.")
    .exitOverride();
  for (const command of commands({ terminal, ended })) program.addCommand(inherit(command));
  return program;

  function inherit(command: Command): Command {
    command.copyInheritedSettings(program);
    for (const inner of command.commands) inherit(inner);
    return command;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || ("isCanceled" in error && error.isCanceled === true));
}

/** Known before parsing, because the parsing itself may fail. What follows `--` is another program's. */
function wantsJson(argv: string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? argv.length : end).includes("--json");
}
