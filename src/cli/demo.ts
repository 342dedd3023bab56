import { z } from "zod";
import { exitCodes } from "../fault.ts";
import { operatorEnvironment, setupEnvironment } from "../settings.ts";
import { ensureMachine } from "../setup/machine.ts";
import { awaitStop } from "./await-stop.ts";
import type { CommandRun } from "./commands.ts";
import type { LocalHouse } from "./local-house.ts";
import type { Terminal } from "./terminal.ts";

const shape = z.strictObject({
  provision: z.boolean().default(false),
  keep: z.boolean().default(false),
  json: z.boolean().default(false),
  mode: z.enum(["sealed", "firewalled"]).default("sealed"),
});

/** The main job from label to pull request, on this machine, watched. */
export const runDemo: CommandRun = async (given, terminal) => {
  const options = shape.parse(given);
  const stop = awaitStop();
  const machine = await ensureMachine({ provision: options.provision, env: setupEnvironment(), signal: stop.signal });
  terminal.err("Starting Airlock with a local GitHub");
  const { endRuns, startLocalHouse } = await import("./local-house.ts");
  const { labelIssue } = await import("./demo/label-issue.ts");
  const { followDemo } = await import("./demo/follow.ts");
  const { readResult } = await import("./demo/result.ts");
  const env = { LOG_LEVEL: "error", ...operatorEnvironment() };
  await using house = await startLocalHouse({ machine, env, mayPay: true, warm: true, mode: options.mode });
  tellModel(house, terminal);
  const issue = await labelIssue(house.github);
  terminal.err(`Issue ${issue.number} "${issue.title}" is labelled agent: ${issue.url}`);
  const run = await followDemo({
    reader: house.app.reader,
    issue: issue.number,
    signal: stop.signal,
    tell: (line) => terminal.err(line),
  });
  if (run === undefined) {
    await endRuns(house);
    return exitCodes.interrupted;
  }
  const page = `${house.app.url}/runs/${run.pageKey}`;
  const result = await readResult(house, run);
  if (!options.json) {
    if (run.patch) terminal.out(`\n${run.patch}`);
    terminal.err(`${run.state.words} ${run.state.reason ?? ""}`.trim());
    if (result.pullRequest) terminal.err(`Pull request: ${result.pullRequest.url}`);
  }
  terminal.err(`The run's page: ${page}`);
  if (options.keep || (terminal.interactive && !options.json)) {
    terminal.err("Pages stay up until ctrl-c.");
    await stop.asked;
  }
  if (options.json) terminal.out(JSON.stringify({ ...result, page }));
  return result.outcome === "succeeded" ? exitCodes.done : exitCodes.failed;
};

function tellModel(house: LocalHouse, terminal: Terminal): void {
  terminal.err(
    house.paidModel
      ? `The model is ${house.paidModel}, and your key pays for it`
      : "The model is a local, scripted one; with ANTHROPIC_API_KEY set it would be a real one",
  );
}
