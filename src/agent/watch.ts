import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { Gateway } from "../gateway/client.ts";
import type { RunId } from "../run/identity.ts";
import type { RunLimits } from "../run/limits.ts";
import type { Met } from "../run/met.ts";
import type { Engine } from "../sandbox/engine.ts";
import { decideMet, openGauge } from "../sandbox/gauge.ts";
import { followOutput } from "../sandbox/output.ts";
import { noteRefusals } from "../sandbox/refusals.ts";
import { findSandbox } from "../sandbox/sandboxes.ts";
import { defaultLimits } from "../sandbox/spec.ts";
import { linkRow } from "../secret/chain.ts";
import type { Changes } from "../store/changes.ts";
import { putPaper } from "../store/queries/papers.ts";
import { addEvents, addEvidence, lastLink, storableRow } from "../store/queries/record.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { findAnswer, parseEvents, type TranscriptEvent } from "./events.ts";
import { parseLine } from "./lines.ts";
import { beat, firstPulse, type Pulse } from "./pulse.ts";

export interface WatchParts {
  db: Kysely<Schema>;
  engine: Engine;
  gateway: Gateway;
  instance: string;
  changes: Changes;
  redact(text: string): string;
  /** Called when something happened that a decision may hang on. */
  wake(run: RunId): void;
  nowMs(): number;
  log: Logger;
}

/** What this process sees of a run while it follows it. */
export interface Watched {
  /** The sandbox's output has been read to its end. */
  drained: boolean;
  keyRefused: boolean;
  overBudget: boolean;
  outputFull: boolean;
  /** Limits that it has run into. */
  met: readonly Met[];
  pulse: Pulse;
  /** Its input has been ended. */
  deaf: boolean;
  /** When this process began to read its output, and when it last read a line of it. Epoch milliseconds. */
  begunAtMs: number;
  readAtMs: number;
}

export interface Watchers extends AsyncDisposable {
  /** Follows the run's gateway record and, once the sandbox is there, its output. Does nothing where it does so already. */
  record(run: RunRow): void;
  output(run: RunRow): void;
  see(run: RunId): Watched | undefined;
  /** Whether every try to read its output has broken off for a minute: of one that has ended there is no more to come. */
  isUnreadable(run: RunId): boolean;
  /** Notes that the run's agent is not spoken to any more. */
  deafen(run: RunId): void;
  /** Waits until the output has been read to its end. */
  drain(run: RunId): Promise<void>;
  /** Shuts the run's door for a while: what was asked by now is stored, and the gateway goes on with the record when the door opens again. */
  pause(run: RunRow): Promise<void>;
  /** Shuts the run's door, reads what is left of its record, and lets go. Nothing reaches the gateway for this run any more. */
  shut(run: RunRow): Promise<void>;
  forget(run: RunId): void;
}

interface Watch {
  seen: Watched;
  stop: AbortController;
  record?: Promise<void>;
  output?: Promise<void>;
  /** Since when each try to read the output broke off soon. */
  brokenOffAtMs?: number;
  /** They did so for long, and none is under way. */
  unreadable?: boolean;
}

export function createWatchers(parts: WatchParts): Watchers {
  const watches = new Map<RunId, Watch>();
  const watchOf = (run: RunId): Watch => {
    const known = watches.get(run);
    if (known) return known;
    const made: Watch = {
      seen: {
        ...{ drained: false, keyRefused: false, overBudget: false, outputFull: false },
        ...{ met: [], pulse: firstPulse, deaf: false, begunAtMs: Date.now(), readAtMs: Date.now() },
      },
      stop: new AbortController(),
    };
    watches.set(run, made);
    return made;
  };
  const guard = (run: RunRow, what: string, work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      if (!watches.get(run.id)?.stop.signal.aborted) parts.log.warn({ err: error, runId: run.id }, `${what} broke off`);
    });

  return {
    record(run) {
      const watch = watchOf(run.id);
      watch.record ??= guard(run, "gateway record", followRecord(parts, run, watch)).finally(() => delete watch.record);
    },
    output(run) {
      const watch = watchOf(run.id);
      // What broke off is begun again by the next look at the run.
      watch.output ??= tryToRead(parts, run, watch).finally(() => {
        if (!watch.seen.drained) delete watch.output;
      });
    },
    see: (run) => {
      const watch = watches.get(run);
      return watch?.output ? watch.seen : undefined;
    },
    isUnreadable: (run) => watches.get(run)?.unreadable === true,
    deafen(run) {
      watchOf(run).seen.deaf = true;
    },
    async drain(run) {
      await watches.get(run)?.output;
    },
    async pause(run) {
      await noteRefusals(parts, run.id, { last: true });
      const { lastSeq } = await parts.gateway.closeDoor(run.id);
      if (lastSeq === 0) return;
      this.record(run);
      await watches.get(run.id)?.record;
    },
    async shut(run) {
      // First: the chain ends with the door.
      await noteRefusals(parts, run.id, { last: true });
      const { lastSeq } = await parts.gateway.closeDoor(run.id);
      if (lastSeq === 0) return;
      this.record(run);
      await watches.get(run.id)?.record;
      // Told only what is stored: the gateway keeps the rest until it is.
      const { seq, digest } = await lastLink(parts.db, run.id);
      // Beside the rows: a chain whose last rows were taken away fits by itself.
      await putPaper(parts.db, { run: run.id, fence: run.fence, kind: "evidence", text: JSON.stringify({ rows: seq, digest }) });
      await parts.gateway.acknowledge(run.id, seq);
    },
    forget(run) {
      const watch = watches.get(run);
      watches.delete(run);
      watch?.stop.abort();
    },
    async [Symbol.asyncDispose]() {
      for (const watch of watches.values()) watch.stop.abort();
      await Promise.all([...watches.values()].flatMap((watch) => [watch.record, watch.output]));
      watches.clear();
    },
  };
}

async function followRecord(parts: WatchParts, run: RunRow, watch: Watch): Promise<void> {
  let link = await lastLink(parts.db, run.id);
  if (watch.stop.signal.aborted) return;
  for await (const row of parts.gateway.record(run.id, link.seq, watch.stop.signal)) {
    const kept = storableRow({ ...row, target: parts.redact(row.target) });
    link = linkRow(link, row, kept);
    if (link.digest === "") parts.log.error({ runId: run.id, seq: row.seq }, "a row of evidence does not follow the one before");
    await addEvidence(parts.db, run.fence, { ...kept, digest: link.digest }, link.received);
    parts.changes.touch(run.id);
    const { keyRefused, overBudget } = watch.seen;
    watch.seen.keyRefused ||= row.rule === "model.key-refused";
    watch.seen.overBudget ||= row.rule === "model.over-budget";
    if (watch.seen.keyRefused !== keyRefused || watch.seen.overBudget !== overBudget) parts.wake(run.id);
  }
}

/** As long as an engine that is started again may take. */
const unreadableAfterMs = 60_000;

/** Reads until it is done or breaks off. A run whose log the engine cannot give would be neither judged nor ended by its deadline: after a
 *  while its transcript says so, and the run goes on without. */
async function tryToRead(parts: WatchParts, run: RunRow, watch: Watch): Promise<void> {
  const begunAtMs = parts.nowMs();
  const { unreadable: known = false } = watch;
  // What is being read is waited for, however often it broke off before.
  watch.unreadable = false;
  try {
    await readOutput(parts, run, watch);
    parts.wake(run.id);
  } catch (error) {
    if (watch.stop.signal.aborted) return;
    parts.log.warn({ err: error, runId: run.id }, "sandbox output broke off");
    const nowMs = parts.nowMs();
    // One that went well for a while broke off for another reason than the last.
    if (nowMs - begunAtMs >= unreadableAfterMs) delete watch.brokenOffAtMs;
    watch.brokenOffAtMs ??= nowMs;
    watch.unreadable = nowMs - watch.brokenOffAtMs >= unreadableAfterMs;
    if (!watch.unreadable || known) return;
    const note: TranscriptEvent = {
      id: "unreadable",
      atMs: nowMs,
      kind: "note",
      text: "sandbox: what it printed cannot be read any more",
    };
    await addEvents(parts.db, run.id, run.fence, [note]).catch(() => {});
    parts.wake(run.id);
  }
}

/** Reads from the log's beginning, so that its size is known; what the store has already is dropped there by its id. */
async function readOutput(parts: WatchParts, run: RunRow, watch: Watch): Promise<void> {
  const handle = await findSandbox(parts.engine, { instance: parts.instance, run: run.id });
  if (!handle) return;
  const said: TranscriptEvent[] = [];
  const gauge = await openGauge(parts.engine, handle);
  const measure = async () => {
    const met = new Set([...watch.seen.met, ...decideMet(await gauge.read())]);
    if (met.size === watch.seen.met.length) return;
    watch.seen.met = [...met];
    parts.wake(run.id);
  };
  const ticking = setInterval(() => void measure(), measureEveryMs).unref();
  using _ = { [Symbol.dispose]: () => clearInterval(ticking) };
  // From the log's beginning, also where this is a second try.
  watch.seen.pulse = firstPulse;
  const limits = "slot" in run.state ? run.state.slot?.limits : undefined;
  const outputBytes = limits?.outputBytes ?? defaultLimits.outputBytes;
  const onLoggedBytes = (bytes: number) => {
    if (bytes < outputBytes || watch.seen.outputFull) return;
    watch.seen.outputFull = true;
    parts.wake(run.id);
  };
  const clean = (event: TranscriptEvent): TranscriptEvent => ({
    ...event,
    text: parts.redact(event.text),
    ...(event.input !== undefined && { input: parts.redact(event.input) }),
  });
  let told = 0;
  for await (const output of followOutput(parts.engine, handle, { signal: watch.stop.signal, onLoggedBytes })) {
    if (output.stream !== "stdout") continue;
    const atMs = Number(output.atNs.slice(0, -6));
    follow(watch.seen, output.line, atMs);
    if (isWorthALook(watch.seen, limits)) parts.wake(run.id);
    const events = parseEvents({ line: output.line, place: output.atNs, atMs }).map(clean);
    if (told < mostEvents) {
      told += events.length;
      await addEvents(parts.db, run.id, run.fence, (told < mostEvents ? events : [...events, furtherLines(atMs)]).map(shown));
    }
    said.push(...events);
    // Only the end of the conversation is needed for the answer.
    if (said.length > 200) said.splice(0, 100);
    parts.changes.touch(run.id);
  }
  if (watch.stop.signal.aborted) return;
  await measure();
  const answer = findAnswer(said);
  if (answer) await putPaper(parts.db, { run: run.id, fence: run.fence, kind: "answer", text: answer });
  watch.seen.drained = true;
}

/** As many as anybody reads. Each is a write to the store that all runs share, and the log is read no faster than it is written there: an
 *  agent that prints one word for ever kept the App busy for minutes before it had read as much as a run may print. */
const mostEvents = 20_000;

function furtherLines(atMs: number): TranscriptEvent {
  return { id: "further-lines", atMs, kind: "note", text: `sandbox: more than ${mostEvents} events; what follows is not kept` };
}

/** How long a full disk that is emptied again may go unseen. */
const measureEveryMs = 250;

/** The rest is found at the next tick, seconds later. */
function isWorthALook({ pulse, deaf }: Watched, limits: RunLimits | undefined): boolean {
  if (pulse.answered) return !deaf;
  return limits !== undefined && pulse.rows.some(({ atMs }) => atMs.length >= limits.loopCalls && atMs.at(-1) === pulse.lastAtMs);
}

function follow(seen: Watched, line: string, atMs: number): void {
  const parsed = parseLine(line);
  seen.readAtMs = Date.now();
  seen.pulse = beat(seen.pulse, parsed.from === "agent" ? parsed.line : undefined, atMs);
}

/** As the store keeps it: a tool's call is shown by its input. */
function shown(event: TranscriptEvent): { id: string; atMs: number; kind: string; text: string; tool?: string } {
  const { id, atMs, kind, text, input, tool } = event;
  return { id, atMs, kind, text: text === "" ? (input ?? "") : text, ...(tool !== undefined && { tool }) };
}
