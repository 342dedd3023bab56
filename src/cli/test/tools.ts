import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { addTallies, checkTally, emptyTally, type Tally } from "./tally.ts";

/** How a tool of the tests is run. Its output goes to our stderr: stdout is for the closing line. */
export interface ToolFrame {
  root: string;
  env: Record<string, string>;
  signal: AbortSignal;
}

/** Runs one of the packages' programs and counts it as one test. */
export async function runCheck(frame: ToolFrame, { name, args }: { name: string; args: string[] }): Promise<Tally> {
  const exitCode = await runTool(frame, { name, args });
  return checkTally(exitCode === 0 ? undefined : `${[name, ...args].join(" ")} ended with ${exitCode}`);
}

const counts = z.strictObject({ passed: z.number(), failed: z.number(), skipped: z.number(), failures: z.array(z.string()) });

/** Runs vitest on `files` (paths, or parts of them) of `projects`. With `collectOnly` every test is counted as skipped. */
export async function runVitest(
  frame: ToolFrame,
  { projects, files, collectOnly = false }: { projects: string[]; files: string[]; collectOnly?: boolean },
): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-tally-"));
  const path = join(folder, "tally.json");
  const args = ["run", ...projects.map((project) => `--project=${project}`), "--passWithNoTests", ...files];
  // No test has this name, so all are found and none is run.
  if (collectOnly) args.push("--testNamePattern=^\\0$", "--reporter=./test/reporter/tally.ts");
  try {
    const exitCode = await runTool({ ...frame, env: { ...frame.env, AIRLOCK_TALLY: path } }, { name: "vitest", args });
    const counted = counts.safeParse(await readTally(path));
    const tally = counted.success ? { ...counted.data, skips: [] } : emptyTally();
    // vitest itself may fail where no test did: a configuration that does not load, a worker that died.
    return exitCode !== 0 && tally.failed === 0
      ? addTallies(tally, checkTally(`vitest (${projects.join(", ")}) ended with ${exitCode}`))
      : tally;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runTool(
  { root, env, signal }: ToolFrame,
  { name, args }: { name: string; args: string[] },
): Promise<number | string> {
  const result = await execa(join(root, "node_modules/.bin", name), args, {
    cwd: root,
    env,
    extendEnv: false,
    stdin: "ignore",
    stdout: process.stderr,
    stderr: process.stderr,
    reject: false,
    cancelSignal: signal,
    // Tests stop what they have started before they go.
    forceKillAfterDelay: 20_000,
  });
  return result.exitCode ?? result.signal ?? "no exit code";
}

async function readTally(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    // Not written: vitest died before its end, and its exit code says so.
    return undefined;
  }
}
