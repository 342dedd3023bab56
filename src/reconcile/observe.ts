import type { Kysely } from "kysely";
import { isInputDue, paceOf } from "../agent/pulse.ts";
import type { Watched, Watchers } from "../agent/watch.ts";
import { findStop, findWord } from "../run/command.ts";
import type { Seen } from "../run/seen.ts";
import type { Ending } from "../run/state.ts";
import type { Engine } from "../sandbox/engine.ts";
import { observeSandbox } from "../sandbox/sandboxes.ts";
import { commandsOf } from "../store/queries/commands.ts";
import { queuePosition, type RunRow } from "../store/queries/runs.ts";
import { slotIsFree } from "../store/queries/slots.ts";
import type { Schema } from "../store/schema.ts";
import type { Recall } from "./recall.ts";

export interface ObserveParts {
  db: Kysely<Schema>;
  engine: Engine;
  watchers: Watchers;
  instance: string;
  concurrency: number;
  recall: Recall;
  nowMs(): number;
}

/** GitHub allows 80 content-creating requests a minute for all runs together: progress is told that seldom. */
const reportEveryMs = 20_000;

/** Reads what is out there for a run. Changes nothing. */
export async function observeRun(parts: ObserveParts, run: RunRow): Promise<Seen> {
  const { at } = run.state;
  const commands = await commandsOf(parts.db, run.id);
  const stop = findStop(commands);
  const word = run.state.at === "held" ? findWord(commands.slice(run.state.heard ?? 0), run.state.rebuilt) : undefined;
  const watched = parts.watchers.see(run.id);
  const forgotten = await parts.recall(run);
  const sandbox =
    at === "launching" || at === "working"
      ? await observeSandbox(parts.engine, { instance: parts.instance, run: run.id })
      : { state: "absent" as const };
  return {
    ...(stop && { stop: stopEnding(stop) }),
    ...(word && { word }),
    ...(forgotten && { forgotten }),
    slotFree: at === "queued" && (await slotIsFree(parts.db, run.id, parts.concurrency)),
    sandbox:
      sandbox.state === "exited"
        ? { state: "exited", exitCode: sandbox.exitCode, oomKilled: sandbox.oomKilled }
        : { state: sandbox.state },
    watched: watched !== undefined && (sandbox.state !== "exited" || watched.drained),
    keyRefused: watched?.keyRefused ?? false,
    overBudget: watched?.overBudget ?? false,
    outputFull: watched?.outputFull ?? false,
    ...(watched && run.state.at === "working" && courseOf(watched, run.state.startedAtMs, parts.nowMs())),
    reportDue: parts.nowMs() - run.reportedAtMs >= reportEveryMs && (await progressOf(parts, run)) !== run.reported,
  };
}

function courseOf(watched: Watched, startedAtMs: number, nowMs: number): Pick<Seen, "met" | "pace" | "inputDue"> {
  const { met, pulse, deaf, begunAtMs, readAtMs } = watched;
  // After a restart the log is read from its beginning: what was long ago is not judged as if it were now.
  const isNow = pulse.lastAtMs >= begunAtMs || nowMs - readAtMs >= 5_000;
  if (!isNow) return { met };
  return { met, pace: paceOf(pulse, { startedAtMs, deaf }), inputDue: !deaf && isInputDue(pulse, nowMs) };
}

/** What progress there is to tell: changes whenever GitHub should be told anew. */
export async function progressOf(parts: { db: Kysely<Schema> }, run: RunRow): Promise<string> {
  if (run.state.at === "queued") return `queued ${await queuePosition(parts.db, run)}`;
  const { events } = await parts.db
    .selectFrom("events")
    .select((e) => e.fn.countAll<number>().as("events"))
    .where("run", "=", run.id)
    .executeTakeFirstOrThrow();
  return `${run.state.at} ${events}`;
}

function stopEnding(stop: { by: string; how: "comment" | "label" | "cli" | "page" | "closed" }): Ending {
  const how = {
    comment: "with /agent stop",
    label: "by taking the label away",
    cli: "from the command line",
    page: "on the run's page",
    closed: "by closing the issue",
  }[stop.how];
  return { outcome: "cancelled", reason: { code: "run.stopped", words: `Stopped by ${stop.by} ${how}.` } };
}
