import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { addDelivery, knownDeliveries } from "../store/queries/deliveries.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import { mayAsk } from "../trigger/heard.ts";
import type { DeliveryLog, LoggedDelivery, LogLine } from "./delivery-log.ts";

export interface RecoverParts {
  db: Kysely<Schema>;
  queue: Queue;
  deliveries: DeliveryLog;
  appId: number;
  /** Carries a stored delivery out, or leaves it waiting. Throws only where another process is to read on. */
  handle(id: string): Promise<void>;
  log: Logger;
  nowMs(): number;
}

/** How far the log was read by earlier passes of this process. */
export interface Seen {
  /** All that was delivered before is in the store, epoch milliseconds; 0 at the start. */
  untilMs: number;
  etag: string | undefined;
  /** Whose detail could not be had, by their delivery's id: one that never can must not keep the others out. */
  failures: Map<string, Failure>;
}

export interface Failure {
  line: LogLine;
  times: number;
  lastAtMs: number;
}

export interface Recovered {
  stored: number;
  seen: Seen;
  /** More is missing than one pass takes: the next one should not wait. */
  more: boolean;
}

/** github.com keeps three days, an Enterprise Server seven: what is older was not asked for today. */
const reachMs = 3 * 24 * 3_600_000;
/** A delivery is logged when it was answered or given up (10 s), under the time at which it was begun; and clocks differ. */
const overlapMs = 10 * 60_000;
/** 30,000 deliveries at 100 a page: three days of a busy organisation, well under the 5,000 requests an hour of an App's JWT. */
const pagesAtMost = 300;
const readsAtMost = 500;
/** As often one after the other; from then on once in a while, for as long as the log has it: GitHub may have been out of order for that long. */
const failuresAtMost = 5;
const againAfterMs = 3_600_000;

/**
 * Reads GitHub's log of what it delivered to this App, and stores what the store lacks, whatever status the log shows: that a delivery was
 * answered 200 does not say that it is still here (power cut, a data folder that was put back). Oldest first and one
 * after the other, so that a pass that was killed has done what came before, and a stop never overtakes the label that it stops. Safe to repeat at any point.
 *
 * The first pass of a process looks at everything that the log has: a mark in the store would be wrong in a store that lost something.
 */
export async function recoverMissed(parts: RecoverParts, seen: Seen): Promise<Recovered> {
  const fromMs = Math.max(parts.nowMs() - reachMs, seen.untilMs - overlapMs);
  const walked = await walk(parts, { fromMs, etag: seen.etag });
  const lines = walked === "unchanged" ? [] : walked.lines;
  for (const [guid, { line }] of seen.failures) if (line.deliveredAtMs < parts.nowMs() - reachMs) seen.failures.delete(guid);
  // Those that failed may lie below what was read this time.
  const failed = [...seen.failures.values()].map(({ line }) => line);
  const missing = (await chooseMissing(parts.db, [...lines, ...failed])).filter(({ guid }) =>
    isDue(seen.failures.get(guid), parts.nowMs()),
  );
  let stored = 0;
  for (const line of missing.slice(0, readsAtMost)) {
    const delivery = await readLine(parts, seen, line);
    if (delivery === "later") continue;
    const problem = findProblem(line, delivery, parts.appId);
    if (problem !== undefined || !delivery) {
      parts.log.warn({ delivery: line.guid, event: line.event, problem }, "delivery in GitHub's log not taken");
      seen.failures.set(line.guid, { line, times: failuresAtMost, lastAtMs: parts.nowMs() });
      continue;
    }
    seen.failures.delete(line.guid);
    const { guid: id, event, deliveredAtMs: receivedAtMs } = line;
    await addDelivery(parts.db, parts.queue, { id, event, payload: delivery.payload, receivedAtMs, fromLog: true });
    parts.log.info({ delivery: id, event, action: line.action }, "delivery found in GitHub's log");
    stored++;
    // One after the other: what people did hours apart comes in one burst, and a stop must not overtake its label.
    await parts.handle(id);
  }
  const more = missing.length > readsAtMost;
  if (walked === "unchanged") return { stored, more, seen };
  const last = more ? missing[readsAtMost - 1] : lines[0];
  return { stored, more, seen: { ...seen, untilMs: last?.deliveredAtMs ?? seen.untilMs, etag: more ? undefined : walked.etag } };
}

function isDue(failure: Failure | undefined, nowMs: number): boolean {
  return failure === undefined || failure.times < failuresAtMost || nowMs >= failure.lastAtMs + againAfterMs;
}

/** Throws where what comes after it is to wait for it: until it has failed too often. From then on it is "later". */
async function readLine(parts: RecoverParts, seen: Seen, line: LogLine): Promise<LoggedDelivery | "later" | undefined> {
  try {
    return await parts.deliveries.read(line.id);
  } catch (error) {
    const times = (seen.failures.get(line.guid)?.times ?? 0) + 1;
    seen.failures.set(line.guid, { line, times, lastAtMs: parts.nowMs() });
    if (times >= failuresAtMost)
      parts.log.error({ err: error, delivery: line.guid }, "delivery in GitHub's log not to be had, tried again in an hour");
    if (times > failuresAtMost) return "later";
    throw error;
  }
}

/** The log's lines from the newest down to `fromMs`. */
async function walk(
  { deliveries, log }: RecoverParts,
  of: { fromMs: number; etag: string | undefined },
): Promise<{ lines: LogLine[]; etag: string | undefined } | "unchanged"> {
  const first = await deliveries.page({ unless: of.etag });
  if (first === "unchanged") return first;
  const lines = [...first.lines];
  let { next } = first;
  for (let pages = 1; next !== undefined && (lines.at(-1)?.deliveredAtMs ?? 0) >= of.fromMs; pages++) {
    if (pages >= pagesAtMost) {
      log.error(
        { downTo: new Date(lines.at(-1)?.deliveredAtMs ?? 0).toISOString() },
        "GitHub's log is longer than what is read of it",
      );
      break;
    }
    const page = await deliveries.page({ cursor: next });
    if (page === "unchanged") break;
    lines.push(...page.lines);
    next = page.next;
  }
  return { lines: lines.filter(({ deliveredAtMs }) => deliveredAtMs >= of.fromMs), etag: first.etag };
}

/** What may ask for something and is not here, each delivery once, oldest first. */
async function chooseMissing(db: Kysely<Schema>, lines: readonly LogLine[]): Promise<LogLine[]> {
  const asking = lines.filter(({ event, action }) => mayAsk(event, action));
  const known = await knownDeliveries(
    db,
    asking.map(({ guid }) => guid),
  );
  const missing = new Map<string, LogLine>();
  for (const line of asking.toReversed()) if (!known.has(line.guid) && !missing.has(line.guid)) missing.set(line.guid, line);
  return [...missing.values()].sort((a, b) => a.deliveredAtMs - b.deliveredAtMs);
}

/** Why the log's detail is not taken for the delivery of its line; undefined where it is. Pure. */
export function findProblem(line: LogLine, found: LoggedDelivery | undefined, appId: number): string | undefined {
  if (!found) return "GitHub has no payload for it any more";
  const { headers, payload } = found;
  if (headers["x-github-delivery"] !== line.guid || headers["x-github-event"] !== line.event)
    return "its headers are another delivery's";
  const [target, kind] = [headers["x-github-hook-installation-target-id"], headers["x-github-hook-installation-target-type"]];
  if (target !== String(appId) || kind !== "integration") return "it was not made to this App";
  if ((payload.action ?? null) !== line.action) return "its payload is another action's";
  const { installation } = payload as { installation?: { id?: unknown } };
  if (line.installationId !== null && String(installation?.id) !== line.installationId)
    return "its payload is another installation's";
  return undefined;
}
