import { exitCodes } from "../../fault.ts";
import { printIsolation } from "../../run/isolation.ts";
import { plain, plainJson } from "../plain.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import type { RunDetail } from "./client.ts";
import { parseRunsOptions, requireRunId } from "./options.ts";

export async function showRun(options: unknown, terminal: Terminal): Promise<number> {
  const parsed = parseRunsOptions(options);
  const run = await parsed.client.show(requireRunId(parsed));
  if (parsed.json) terminal.out(plainJson(run));
  else for (const line of printTable(rowsOf(run, Date.now()))) terminal.out(line);
  return exitCodes.done;
}

function rowsOf(run: RunDetail, nowMs: number): string[][] {
  const { repository, subject, state, evidence, usage, checks, grants } = run;
  const failed = checks.filter((check) => !check.ok).length;
  const live = grants.filter((grant) => grant.revokedAtMs === undefined && grant.expiresAtMs > nowMs).length;
  const cost = usage.costUsd === undefined ? "price unknown" : `$${usage.costUsd.toFixed(4)}`;
  const rows: [string, string | undefined][] = [
    ["run", run.id],
    ["repository", `${repository.owner}/${repository.name}`],
    ["subject", `${subject.kind === "issue" ? "issue" : "pull request"} #${subject.number} ${subject.title}`],
    ["asked", `by ${run.requester.login}, by ${run.trigger}, ${printTime(run.createdAtMs)}`],
    ["state", state.outcome ?? state.words],
    ["reason", state.reason],
    ["held", run.held && `${run.held.sha}: ${run.held.why.join(" ")}`],
    ["ended", run.endedAtMs === undefined ? undefined : printTime(run.endedAtMs)],
    ["sandbox", run.mode && `${run.mode}, ${checks.length} checks, ${failed} failed`],
    ["kept by", run.isolation && printIsolation(run.isolation)],
    ["known holes", run.isolation && run.isolation.escapes.length > 0 ? run.isolation.escapes.join("; ") : undefined],
    ["requests", `${evidence.allowed} allowed, ${evidence.refused} refused`],
    ["tokens", `${grants.length} minted, ${live} live`],
    ["removed", run.forgotten && `${run.forgotten}, after its time`],
    ["model", `${usage.turns} turns, ${usage.inputTokens} tokens in, ${usage.outputTokens} out, ${cost}`],
    ["branch", run.branch],
    ["pull request", run.pullRequest?.url],
    ["page", run.url],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, plain(value)]]));
}

function printTime(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z");
}
