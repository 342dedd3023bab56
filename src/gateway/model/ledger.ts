import { appendFileSync, closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunId } from "../../run/identity.ts";
import { appendLine } from "../append-line.ts";

/** What a call costs, or may cost at most. */
export interface Charge {
  microUsd: number;
  /** All that the API counts: read, written, and cached. */
  tokens: number;
}

/** What one run has spent, kept on disk: a gateway that was killed goes on counting where it was. */
export interface Ledger {
  spent(): Charge;
  /** Reserved and not yet settled. */
  open(): Charge;
  /** On disk before the call is made. Settling puts what it did cost in the place of what it might have. */
  reserve(atMost: Charge): { settle(cost: Charge): void };
}

/** A call that the last gateway never settled counts as spent in full: it may have been answered, and nobody counted. */
export function openLedger(folder: string, run: RunId): Ledger {
  const path = fileOf(folder, run);
  const spent = { microUsd: 0, tokens: 0 };
  const open = { microUsd: 0, tokens: 0 };
  let last = 0;
  const unsettled = new Map<number, Charge>();
  for (const entry of readEntries(path)) {
    last = Math.max(last, entry.call);
    if (entry.kind === "reserved") unsettled.set(entry.call, entry);
    else if (unsettled.delete(entry.call)) add(spent, entry, 1);
  }
  for (const charge of unsettled.values()) add(spent, charge, 1);
  const write = (entry: Entry) => appendLine(path, JSON.stringify(entry));
  return {
    spent: () => ({ ...spent }),
    open: () => ({ ...open }),
    reserve(atMost) {
      last += 1;
      const call = last;
      write({ kind: "reserved", call, ...pick(atMost) });
      add(open, atMost, 1);
      let settled = false;
      return {
        settle(cost) {
          if (settled) return;
          settled = true;
          add(open, atMost, -1);
          add(spent, cost, 1);
          write({ kind: "settled", call, ...pick(cost) });
        },
      };
    },
  };
}

/** What a run has spent so far, as far as it is settled or was reserved. Changes nothing: for whoever is not the gateway, and does not trust its folder. */
export function readSpent(folder: string, run: RunId): Charge {
  return sumOf(parseEntries(readPlainFile(fileOf(folder, run))).filter(isCounted));
}

/**
 * Has a run's ledger count what the run has spent elsewhere: at least `spent`, with what it counts already. Answers the file, or undefined
 * where there was nothing to write.
 */
export function countSpent(folder: string, run: RunId, spent: Charge): string | undefined {
  const path = fileOf(folder, run);
  const known = readEntries(path);
  const before = sumOf(known);
  const more = { microUsd: Math.max(0, spent.microUsd - before.microUsd), tokens: Math.max(0, spent.tokens - before.tokens) };
  if (more.microUsd === 0 && more.tokens === 0) return undefined;
  const call = Math.max(0, ...known.map((entry) => entry.call)) + 1;
  const lines = (["reserved", "settled"] as const).map((kind): Entry => ({ kind, call, ...more }));
  for (const line of lines) appendLine(path, JSON.stringify(line));
  return path;
}

export function removeLedger(folder: string, run: RunId): void {
  rmSync(fileOf(folder, run), { force: true });
}

type Entry = Charge & { kind: "reserved" | "settled"; call: number };

function fileOf(folder: string, run: RunId): string {
  return join(folder, `${run}.budget`);
}

/** The last word on each call. */
function sumOf(entries: readonly Entry[]): Charge {
  const calls = new Map(entries.map((entry) => [entry.call, pick(entry)]));
  const spent = { microUsd: 0, tokens: 0 };
  for (const charge of calls.values()) add(spent, charge, 1);
  return spent;
}

function add(to: Charge, charge: Charge, sign: 1 | -1): void {
  to.microUsd += sign * charge.microUsd;
  to.tokens += sign * charge.tokens;
}

function pick({ microUsd, tokens }: Charge): Charge {
  return { microUsd, tokens };
}

function readEntries(path: string): Entry[] {
  const text = readText(path);
  // The last line may be half: a reservation that was not written whole was never sent on.
  if (text !== "" && !text.endsWith("\n")) appendFileSync(path, "\n");
  return parseEntries(text);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "";
  }
}

/** "" where it is anything but a file that lies there: a link leads somewhere else, and a pipe never ends. */
function readPlainFile(path: string): string {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return "";
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return fstatSync(file).isFile() ? readFileSync(file, "utf8") : "";
  } finally {
    closeSync(file);
  }
}

function isCounted(entry: unknown): entry is Entry {
  const { call, microUsd, tokens } = (entry ?? {}) as Partial<Entry>;
  return (
    Number.isSafeInteger(call) && [microUsd, tokens].every((each) => typeof each === "number" && each >= 0 && each < 2 ** 53)
  );
}

function parseEntries(text: string): Entry[] {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      return [];
    }
  });
}
