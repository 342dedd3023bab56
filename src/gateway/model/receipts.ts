import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { RunId } from "../../run/identity.ts";
import { appendLine } from "../append-line.ts";

/** One reservation with the App, from before it is asked for until the App knows what the call did cost. */
export interface Receipt {
  id: string;
  run: RunId;
  /** "asked": the App may have made it. "granted": the call may be made. "settled": to be told to the App. */
  at: "asked" | "granted" | "settled";
  /** The most that it can cost, then what it did. */
  microUsd: number;
}

/** What this gateway owes the App an account of, kept on disk: neither its own end nor the App's makes it forget one, or tell it twice. */
export interface Receipts {
  ask(id: string, run: RunId): void;
  /** On disk before the call is made. */
  grant(id: string, atMost: number): void;
  /** The first word counts. */
  settle(id: string, microUsd: number): void;
  /** The App has it, or never made it. */
  drop(id: string): void;
  /** Settled, and not with the App yet; oldest first. */
  owed(): Receipt[];
}

/** Lines of what is done with, before the file is written anew without them. */
const mostDone = 500;

/** What the last gateway had asked for and not been granted was never spent; what it was granted and never settled is spent in full. */
export function openReceipts(path: string): Receipts {
  const open = new Map<string, Receipt>();
  let done = 0;
  const note = (line: Receipt | { id: string; at: "dropped" }) => {
    if (line.at !== "dropped") open.set(line.id, line);
    else if (open.delete(line.id)) done += 1;
  };
  const write = (line: Receipt | { id: string; at: "dropped" }) => {
    appendLine(path, JSON.stringify(line));
    note(line);
  };
  const rewrite = () => {
    writeFileSync(`${path}.next`, [...open.values()].map((each) => `${JSON.stringify(each)}\n`).join(""), { mode: 0o600 });
    renameSync(`${path}.next`, path);
    done = 0;
  };
  for (const line of readLines(path)) note(line);
  for (const receipt of open.values())
    if (receipt.at !== "settled")
      open.set(receipt.id, { ...receipt, at: "settled", microUsd: receipt.at === "asked" ? 0 : receipt.microUsd });
  rewrite();
  return {
    ask: (id, run) => write({ id, run, at: "asked", microUsd: 0 }),
    grant(id, atMost) {
      const known = open.get(id);
      if (known?.at !== "asked") throw new Error("what was not asked for is granted");
      write({ ...known, at: "granted", microUsd: atMost });
    },
    settle(id, microUsd) {
      const known = open.get(id);
      if (known && known.at !== "settled") write({ ...known, at: "settled", microUsd });
    },
    drop(id) {
      if (open.has(id)) write({ id, at: "dropped" });
      if (done >= mostDone) rewrite();
    },
    owed: () => [...open.values()].filter(({ at }) => at === "settled"),
  };
}

function readLines(path: string): (Receipt | { id: string; at: "dropped" })[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Receipt];
    } catch {
      // Half a line: what it would have allowed was not done.
      return [];
    }
  });
}
