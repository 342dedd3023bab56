import { z } from "zod";
import { exitCodes, Fault } from "../../fault.ts";
import { awaitStop } from "../await-stop.ts";
import type { Terminal } from "../terminal.ts";
import { openTrial, printRecorded, repositoryOf } from "./trial.ts";

const shape = z.strictObject({
  mode: z.enum(["sealed", "firewalled"], { error: "--mode is sealed or firewalled" }),
  repo: z.string().optional(),
  data: z.string().optional(),
  local: z.boolean().default(false),
  json: z.boolean().default(false),
  argv: z.tuple([z.string()], z.string()),
});

/** Runs a command as the agent would run, and exits with its code. */
export async function exec(given: unknown, terminal: Terminal): Promise<number> {
  const parsed = shape.safeParse(given);
  if (!parsed.success)
    throw new Fault("usage.sandbox", z.prettifyError(parsed.error), { remedy: "See ./airlock sandbox exec --help" });
  const { mode, repo, data, local, json, argv } = parsed.data;
  const stop = awaitStop();
  const told: Record<"stdout" | "stderr", string[]> = { stdout: [], stderr: [] };
  const record: Parameters<typeof printRecorded>[0][] = [];
  let exitCode: number = exitCodes.failed;
  const wish = (of: { local: boolean }) => ({ do: "exec", mode, repository: repositoryOf(repo, of), argv }) as const;
  for await (const event of openTrial({ data, local }, wish, stop.signal)) {
    if (event.is === "ended") exitCode = event.exitCode;
    if (event.is === "record") record.push(event.row);
    if (event.is !== "output") continue;
    if (json) told[event.stream].push(event.line);
    else if (event.stream === "stdout") terminal.out(event.line);
    else terminal.err(event.line);
  }
  if (json) {
    const text = (lines: string[]) => lines.map((line) => `${line}\n`).join("");
    terminal.out(JSON.stringify({ mode, exitCode, stdout: text(told.stdout), stderr: text(told.stderr), record }));
  } else for (const row of record) terminal.err(printRecorded(row));
  return exitCode;
}
