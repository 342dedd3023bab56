import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RunId } from "../../run/identity.ts";

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
  const write = (entry: Entry) => appendFileSync(path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
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

export function removeLedger(folder: string, run: RunId): void {
  rmSync(fileOf(folder, run), { force: true });
}

type Entry = Charge & { kind: "reserved" | "settled"; call: number };

function fileOf(folder: string, run: RunId): string {
  return join(folder, `${run}.budget`);
}

function add(to: Charge, charge: Charge, sign: 1 | -1): void {
  to.microUsd += sign * charge.microUsd;
  to.tokens += sign * charge.tokens;
}

function pick({ microUsd, tokens }: Charge): Charge {
  return { microUsd, tokens };
}

function readEntries(path: string): Entry[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  // The last line may be half: a reservation that was not written whole was never sent on.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole !== text) appendFileSync(path, "\n");
  return whole.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      return [];
    }
  });
}
