import type { Reader, RunView } from "../../pages/view.ts";
import { printPlain } from "../../report/plain.ts";

/** Tells what happens as it happens; resolves with the ended run, or undefined where `signal` came first. */
export async function followDemo(of: {
  reader: Reader;
  issue: number;
  signal: AbortSignal;
  tell: (line: string) => void;
}): Promise<RunView | undefined> {
  const { reader, signal } = of;
  let run: RunView | undefined;
  while (!run && !signal.aborted) {
    run = (await reader.listRuns(10)).find((candidate) => candidate.subject.number === of.issue);
    if (!run) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (!run) return undefined;
  const told = { facts: 0, seq: 0 };
  await tellNews(of, run, told);
  for await (const _ of reader.changes(run.id, signal)) {
    run = (await reader.findById(run.id)) ?? run;
    await tellNews(of, run, told);
    if (run.state.at === "ended") return run;
  }
  return undefined;
}

async function tellNews(
  of: { reader: Reader; tell: (line: string) => void },
  run: RunView,
  told: { facts: number; seq: number },
): Promise<void> {
  for (const { atMs, words, detail } of run.timeline.slice(told.facts))
    of.tell(`${stamp(run, atMs)}  ${words}${detail ? `: ${detail}` : ""}`);
  told.facts = run.timeline.length;
  for (const entry of await of.reader.transcript(run.id, told.seq, 500)) {
    told.seq = entry.seq;
    const line = printPlain(entry.text)
      .split("\n")
      .find((each) => each.trim() !== "");
    if (line && (entry.kind === "say" || entry.kind === "tool"))
      of.tell(`${stamp(run, entry.atMs)}    ${entry.tool ? `[${entry.tool}] ` : ""}${line.slice(0, 110)}`);
  }
}

/** Seconds since the run was recorded. */
function stamp(run: RunView, atMs: number): string {
  return `${((atMs - run.createdAtMs) / 1000).toFixed(1).padStart(6)} s`;
}
