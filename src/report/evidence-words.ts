import type { EvidenceRow } from "../run/evidence.ts";
import { networkGrants } from "./network-words.ts";
import { cutText, printPlain } from "./plain.ts";
import { printCount, printNumberOf } from "./words.ts";

/**
 * Text that somebody else chose, as a Markdown code span that also stands in a table: nothing in it links, mentions, refers or
 * closes. Backticks become apostrophes, and "#" is spelt out, since closing words are also read outside of rendered text; so is the blank
 * between such a word and another kind of reference, and what keeps CI from running: a squashed commit takes this text as it is written.
 */
export function printCode(text: string, limitChars: number): string {
  const line = printPlain(text).replaceAll(/\s+/g, " ").trim();
  const safe = line
    .replaceAll("`", "'")
    .replaceAll("#", "%23")
    .replaceAll(/\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?) (?=GH-\d|https?:\/\/)/gi, "$1$2%20")
    .replaceAll(/\[(?=(?:(?:skip|no)[ _-][\w-]{1,30}|[\w-]{1,30}[ _-]skip)\])/gi, "%5B");
  return `\`${cutText(safe, limitChars).replaceAll("|", "\\|") || " "}\``;
}

/** A sentence of ours, which may name what somebody else chose: it stays a sentence while it holds plain words only, else it is code. */
export function printSentence(text: string, limitChars: number): string {
  const line = cutText(printPlain(text).replaceAll(/\s+/g, " ").trim(), limitChars);
  const plain = /^(?:[\p{L}\p{N} .,:;'’()/-]|(?<=[A-Z])_(?=[A-Z]))+$/u.test(line);
  // GitHub makes links of these without any mark-up.
  const linked = /:\/\/|www\.|\bGH-\d/i.test(line);
  return plain && !linked ? line : printCode(text, limitChars);
}

/** "git 3 allowed; model 12 allowed, 1 refused". */
export function printDoors(rows: readonly EvidenceRow[]): string {
  const doors = new Map<string, { allowed: number; refused: number }>();
  for (const row of rows) {
    const counts = doors.get(row.door) ?? { allowed: 0, refused: 0 };
    counts[row.verdict] += row.times ?? 1;
    doors.set(row.door, counts);
  }
  const printed = [...doors].map(([door, { allowed, refused }]) => {
    const counts = [allowed ? `${printCount(allowed)} allowed` : "", refused ? `${printCount(refused)} refused` : ""];
    return `${door === "none" ? "no door" : door} ${counts.filter(Boolean).join(", ")}`;
  });
  return printed.join("; ") || "none";
}

/** At most ten lines, alike ones counted, the most frequent first; "" when nothing was refused. */
export function printRefused(rows: readonly EvidenceRow[]): string {
  const alike = new Map<string, { row: EvidenceRow; times: number }>();
  for (const row of rows) {
    if (row.verdict !== "refused") continue;
    const key = JSON.stringify([row.method, row.target, row.rule]);
    const entry = alike.get(key) ?? { row, times: 0 };
    entry.times += row.times ?? 1;
    alike.set(key, entry);
  }
  if (alike.size === 0) return "";
  const sorted = [...alike.values()].sort((one, other) => other.times - one.times || one.row.seq - other.row.seq);
  const lines = sorted
    .slice(0, 10)
    .map(
      ({ row, times }) =>
        `| ${printCode(`${row.method} ${row.target}`, 160)} | ${printCode(row.rule, 80)} | ${printCount(times)} |`,
    );
  const more = sorted.length > 10 ? `\n\nand ${printNumberOf(sorted.length - 10, "other kind")} of request.` : "";
  const grants = networkGrants(rows).map((words) => `\n\n${words}`);
  return `| Refused | Rule | Times |\n|---|---|---|\n${lines.join("\n")}${more}${grants.join("")}`;
}
