import type { Kysely } from "kysely";
import { isInputDue, paceOf } from "../agent/pulse.ts";
import type { Watched, Watchers } from "../agent/watch.ts";
import type { Gateway } from "../gateway/client.ts";
import type { Throttle } from "../github/throttle.ts";
import { type LineParts, readLine } from "../report/line.ts";
import { type Cap, type CapReached, findReached } from "../run/cap.ts";
import { findStop, findWord } from "../run/command.ts";
import type { Full } from "../run/full.ts";
import type { Seen } from "../run/seen.ts";
import type { Ending, Run } from "../run/state.ts";
import type { Engine } from "../sandbox/engine.ts";
import { observeSandbox } from "../sandbox/sandboxes.ts";
import { findRefusal, pursesNow } from "../store/queries/budgets.ts";
import { commandsOf } from "../store/queries/commands.ts";
import { findSharedLimit } from "../store/queries/limits.ts";
import { findPause } from "../store/queries/pauses.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { type LineWish, slotIsFree } from "../store/queries/slots.ts";
import type { Schema } from "../store/schema.ts";
import type { Recall } from "./recall.ts";
import type { Upkeep } from "./upkeep.ts";

export interface ObserveParts {
  db: Kysely<Schema>;
  engine: Engine;
  gateway: Gateway;
  watchers: Watchers;
  instance: string;
  line: LineWish;
  /** Names the model's credential: all its runs wait together. */
  credential: string;
  app: { throttle: Pick<Throttle, "mayTell"> };
  caps: readonly Cap[];
  /** What a run's first call is reserved at the least. */
  firstCallMicroUsd: number;
  recall: Recall;
  upkeep: Upkeep;
  disk: { full(): Full | undefined };
  nowMs(): number;
}

/** What happens in between is told together. Over all runs, the throttle tells whether there is room for one more. */
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
  const door = at === "working" && sandbox.state === "running" ? await observeDoor(parts.gateway, run) : undefined;
  const upkept = parts.upkeep.see(run.id);
  const paused = places.has(at) ? await findPause(parts.db, run.request.repositoryId) : undefined;
  const full = parts.disk.full();
  const limitedUntilMs = places.has(at) ? await observeLimit(parts) : undefined;
  const overCap = await observeCap(parts, run);
  return {
    ...(stop && { stop: stopEnding(stop, run.request.subject.kind) }),
    ...(word && { word }),
    ...(forgotten && { forgotten }),
    ...(paused && { paused }),
    ...(full && { full }),
    ...(limitedUntilMs !== undefined && { limitedUntilMs }),
    ...(run.machine !== undefined && run.machine !== parts.line.here.machine && { away: true as const }),
    slotFree:
      waits.has(at) &&
      (await slotIsFree(parts.db, { ...parts.line, run: run.id, nowMs: parts.nowMs(), onlyBegun: full !== undefined })),
    sandbox:
      sandbox.state === "exited"
        ? { state: "exited", exitCode: sandbox.exitCode, oomKilled: sandbox.oomKilled }
        : { state: sandbox.state },
    ...(door && { door }),
    ...(upkept && { upkept }),
    watched:
      sandbox.state === "exited" ? watched?.drained === true || parts.watchers.isUnreadable(run.id) : watched !== undefined,
    keyRefused: watched?.keyRefused ?? false,
    overBudget: watched?.overBudget ?? false,
    ...(overCap && { overCap }),
    outputFull: watched?.outputFull ?? false,
    ...(watched && run.state.at === "working" && courseOf(watched, run.state.startedAtMs, parts.nowMs())),
    reportDue:
      parts.nowMs() - run.reportedAtMs >= reportEveryMs &&
      (await progressOf(parts, run)) !== run.reported &&
      parts.app.throttle.mayTell(),
  };
}

/** Where a place, and where the provider's limit, decides what is next. */
const waits: ReadonlySet<Run["at"]> = new Set(["queued", "waiting"]);
const places: ReadonlySet<Run["at"]> = new Set([...waits, "working"]);

/** From the store, which the refusal was written to before the gateway heard of it. */
async function observeCap({ db, caps, ...parts }: ObserveParts, run: RunRow): Promise<CapReached | undefined> {
  if (caps.length === 0) return undefined;
  // Its first call may come before its start is written down.
  if (run.state.at === "working") return findRefusal(db, run.id, run.state.startedAtMs - 60_000);
  if (!waits.has(run.state.at)) return undefined;
  const nowMs = parts.nowMs();
  const purses = await pursesNow(db, run.id, nowMs);
  // Of what is reserved, most will be left.
  return findReached({ purses, caps, microUsd: parts.firstCallMicroUsd, beside: false, nowMs });
}

async function observeLimit({ gateway, db, credential, nowMs }: ObserveParts): Promise<number | undefined> {
  // A gateway that is away is started again by whoever looks after the process, and meets the wall by itself.
  const own = await gateway.findLimit().catch(() => undefined);
  const shared = await findSharedLimit(db, credential, nowMs());
  return shared === undefined ? own : Math.max(shared, own ?? 0);
}

/** A gateway that was started again in mid-run knows the run's record, and has no door for it. */
async function observeDoor(gateway: Gateway, run: RunRow): Promise<Seen["door"]> {
  try {
    return (await gateway.listDoors()).some((door) => door.run === run.id && door.open) ? "open" : "gone";
  } catch {
    // It is started again by whoever looks after the process.
    return undefined;
  }
}

function courseOf(watched: Watched, startedAtMs: number, nowMs: number): Pick<Seen, "met" | "pace" | "inputDue"> {
  const { met, pulse, deaf, begunAtMs, readAtMs } = watched;
  // After a restart the log is read from its beginning: what was long ago is not judged as if it were now.
  const isNow = pulse.lastAtMs >= begunAtMs || nowMs - readAtMs >= 5_000;
  if (!isNow) return { met };
  return { met, pace: paceOf(pulse, { startedAtMs, deaf }), inputDue: !deaf && isInputDue(pulse, nowMs) };
}

/** What progress there is to tell: changes whenever GitHub should be told anew. */
export async function progressOf(parts: LineParts, run: RunRow): Promise<string> {
  if (run.state.at === "held") {
    const { silent } = await readLine(parts, run);
    // What was told when it began to be held stands as long as its machine does.
    return silent ? "held away" : run.reported === "held away" ? "held" : (run.reported ?? "");
  }
  if (run.state.at === "queued") {
    const { position, pausedBy, lacking, full } = await readLine(parts, run);
    const paused = pausedBy === undefined ? "" : ` paused by ${pausedBy}`;
    return `queued ${position}${paused}${lacking ? ` for ${lacking}` : ""}${full ? ` full ${full.usedPercent}` : ""}`;
  }
  const { events } = await parts.db
    .selectFrom("events")
    .select((e) => e.fn.countAll<number>().as("events"))
    .where("run", "=", run.id)
    .executeTakeFirstOrThrow();
  return `${run.state.at} ${events}`;
}

function stopEnding(stop: NonNullable<ReturnType<typeof findStop>>, kind: "issue" | "pull"): Ending {
  if (stop.how === "github") return { outcome: "cancelled", reason: stop.reason };
  const how = {
    comment: "with /agent stop",
    label: "by taking the label away",
    cli: "from the command line",
    page: "on the run's page",
    closed: kind === "pull" ? "by closing or merging the pull request" : "by closing the issue",
  }[stop.how];
  return { outcome: "cancelled", reason: { code: "run.stopped", words: `Stopped by ${stop.by} ${how}.` } };
}
