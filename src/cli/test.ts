import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { exitCodes } from "../fault.ts";
import { childEnvironment, readPlaceSettings, setupEnvironment } from "../settings.ts";
import { ensureMachine } from "../setup/machine.ts";
import type { CommandRun } from "./commands.ts";
import type { Terminal } from "./terminal.ts";
import { sortByEngine } from "./test/engine-files.ts";
import { observeTraces, type TraceSources } from "./test/leftovers.ts";
import { addTallies, checkTally, closingLine, emptyTally, type Tally } from "./test/tally.ts";
import { runCheck, runVitest, type ToolFrame } from "./test/tools.ts";

const shape = z.strictObject({
  fast: z.boolean().default(false),
  provision: z.boolean().default(false),
  filter: z.string().optional(),
  json: z.boolean().default(false),
});

/** Runs Airlock's own tests. Fails where one failed, where none ran, and where something of theirs was left behind. */
export const runTest: CommandRun = async (given, terminal) => {
  const options = shape.parse(given);
  const root = join(import.meta.dirname, "../..");
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  // A folder of their own: whatever is in it at the end was left behind. Short, because sockets are made below it.
  const temporaryFolder = await mkdtemp(join(tmpdir(), "at-"));
  // As open as /tmp: our own processes run under accounts of their own.
  await chmod(temporaryFolder, 0o1777);
  try {
    const frame: ToolFrame = { root, env: testEnvironment(temporaryFolder), signal: interrupted.signal };
    const tally = await runAll({ ...options, frame, temporaryFolder, terminal });
    tellEnd(tally, { json: options.json, terminal });
    if (interrupted.signal.aborted) return exitCodes.interrupted;
    return tally.failed > 0 ? exitCodes.failed : exitCodes.done;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await rm(temporaryFolder, { recursive: true, force: true });
  }
};

/** This very Node first: the packages' programs, and tests that start `node`, would otherwise run on whatever the machine has. */
function testEnvironment(temporaryFolder: string): Record<string, string> {
  const env = childEnvironment();
  return { ...env, PATH: `${dirname(process.execPath)}:${env.PATH ?? "/usr/bin:/bin"}`, TMPDIR: temporaryFolder };
}

type All = z.output<typeof shape> & { frame: ToolFrame; temporaryFolder: string; terminal: Terminal };

async function runAll(all: All): Promise<Tally> {
  const { frame, fast, filter, temporaryFolder } = all;
  const place: Omit<TraceSources, "engineSocket"> = { temporaryFolder, root: frame.root, place: readPlaceSettings() };
  const before = await observeTraces({ ...place, engineSocket: undefined }, ["machine"]);
  // Beside each other: what a bare machine lacks is mostly waited for.
  const [engine, checks, unit] = await Promise.all([
    fast ? { absent: "--fast" } : findEngine(all),
    filter === undefined ? runChecks(frame) : [],
    runVitest(frame, { projects: ["unit"], files: filter === undefined ? [] : [filter] }),
  ]);
  const sources: TraceSources = { ...place, engineSocket: "socket" in engine ? engine.socket : undefined };
  // What an engine that was only now started has kept from before.
  for (const trace of await observeTraces(sources, ["engine"])) before.add(trace);
  const rest = fast ? emptyTally() : await runRest(all, "absent" in engine ? engine.absent : undefined);
  const ran = unit.passed + unit.failed + rest.passed + rest.failed > 0;
  const none = ran ? emptyTally() : checkTally("no test ran");
  return addTallies(...checks, unit, rest, none, await checkLeftovers(sources, before));
}

async function runChecks(frame: ToolFrame): Promise<Tally[]> {
  return [
    await runCheck(frame, { name: "biome", args: ["check", "."] }),
    await runCheck(frame, { name: "tsc", args: ["--noEmit"] }),
  ];
}

/** The engine's socket, or why there is none. */
async function findEngine({ frame, provision, terminal }: All): Promise<{ socket: string } | { absent: string }> {
  try {
    const { parseEngineAddress } = await import("../sandbox/engine.ts");
    await ensureMachine({ provision, env: setupEnvironment(), signal: frame.signal, tests: true });
    return { socket: parseEngineAddress(frame.env.DOCKER_HOST) };
  } catch (error) {
    const absent = error instanceof Error ? error.message : String(error);
    terminal.err(`airlock: what needs a Docker engine is skipped: ${absent}`);
    return { absent };
  }
}

/** What runs on an engine, in the order of the way that a reader takes. */
const folders = ["parts", "journeys", "attacks", "crash"];

async function runRest({ frame, filter }: All, absent: string | undefined): Promise<Tally> {
  const { engine, others } = sortByEngine(
    frame.root,
    folders.map((folder) => `test/${folder}`),
  );
  const chosen = (files: string[]) => files.filter((file) => filter === undefined || file.includes(filter));
  const run = async (files: string[], collectOnly = false) =>
    files.length === 0 ? emptyTally() : runVitest(frame, { projects: ["whole"], files, collectOnly });
  if (absent === undefined) return run(chosen([...others, ...engine]));

  const ran = await run(chosen(others));
  const skipped = await run(chosen(engine), true);
  const told: Tally = {
    ...skipped,
    skips: skipped.skipped > 0 ? [`${skipped.skipped} tests need a Docker engine: ${absent}`] : [],
  };
  // In CI a skipped test is one that nobody will ever run.
  const inCi =
    skipped.skipped > 0 && isCi(frame.env.CI)
      ? checkTally(`CI is set, and no Docker engine could be started: ${absent}`)
      : emptyTally();
  return addTallies(ran, told, inCi);
}

function isCi(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false" && value !== "0";
}

/** What tests end in their last moments gets a moment to go. */
async function checkLeftovers(sources: TraceSources, before: Set<string>): Promise<Tally> {
  const limit = AbortSignal.timeout(5_000);
  for (;;) {
    const left = [...(await observeTraces(sources))].filter((trace) => !before.has(trace));
    if (left.length === 0) return checkTally();
    if (limit.aborted) return checkTally(`left behind by the tests: ${left.join(", ")}`);
    await wait(100);
  }
}

function tellEnd(tally: Tally, { json, terminal }: { json: boolean; terminal: Terminal }): void {
  for (const name of tally.failures) terminal.err(`${terminal.style("err", "red", "failed:")} ${name}`);
  for (const reason of tally.skips) terminal.err(`${terminal.style("err", "yellow", "skipped:")} ${reason}`);
  if (json) terminal.out(JSON.stringify(tally));
  terminal.out(closingLine(tally));
}
