import { furtherTargets, networkRules, type RefusedTotal } from "../run/evidence.ts";

/** ◆ Puts what a firewalled run's network refused on its record. The App reads it, since only root can; the chain is made here. */

export interface NetworkNote {
  totals: RefusedTotal[];
  /** The run is over: what is not exact yet becomes so. */
  last: boolean;
}

/** What of a run's network stands on record: rule and target → how often. */
export type NetworkRecord = Map<string, number>;

/** Targets of one rule that get rows of their own. Who dials around must not fill the record with it. */
const mostNamed = 50;
const mostTotals = 8_192;

/** The rows that are missing: for a target that is new or came twice as often since, and on the last note for all that is missing. */
export function decideNetworkRows(recorded: NetworkRecord, { totals, last }: NetworkNote): RefusedTotal[] {
  const named = new Map<string, number>();
  for (const key of recorded.keys()) {
    const rule = key.slice(0, key.indexOf("\n"));
    named.set(rule, (named.get(rule) ?? 0) + 1);
  }
  const wanted = new Map<string, RefusedTotal>();
  for (const total of [...totals].sort((one, other) => other.times - one.times)) {
    const own = keyOf(total);
    const known = wanted.has(own) || recorded.has(own);
    const count = named.get(total.rule) ?? 0;
    if (!known && count < mostNamed) named.set(total.rule, count + 1);
    const row = known || count < mostNamed ? total : { ...total, method: "", target: furtherTargets };
    const key = keyOf(row);
    wanted.set(key, { ...row, times: row.times + (wanted.get(key)?.times ?? 0) });
  }
  return [...wanted].flatMap(([key, row]) => {
    const before = recorded.get(key) ?? 0;
    const due = last ? row.times > before : row.times >= Math.max(1, 2 * before);
    return due ? [{ ...row, times: row.times - before }] : [];
  });
}

/** Of a row, or of a total. */
export function keyOf({ rule, method, target }: { rule: string; method: string; target: string }): string {
  return `${rule}\n${method}\n${target}`;
}

export function parseNetworkNote(body: unknown): NetworkNote | undefined {
  const { totals, last } = (body ?? {}) as Record<string, unknown>;
  if (!Array.isArray(totals) || totals.length > mostTotals || typeof last !== "boolean") return undefined;
  const parsed = totals.flatMap((total) => parseTotal(total) ?? []);
  return parsed.length === totals.length ? { totals: parsed, last } : undefined;
}

function parseTotal(said: unknown): RefusedTotal | undefined {
  const { rule, method, target, times } = (said ?? {}) as Record<string, unknown>;
  const known = networkRules.find((one) => one === rule);
  const short = (text: unknown, limit: number): text is string => typeof text === "string" && text.length <= limit;
  if (!known || !short(method, 32) || !short(target, 512) || !Number.isSafeInteger(times) || Number(times) < 1) return undefined;
  return { rule: known, method, target, times: Number(times) };
}
