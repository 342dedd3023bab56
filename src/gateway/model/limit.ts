import { readFileSync, writeFileSync } from "node:fs";

/** What the answers of the model API say of the credential's limits: kept in one place, since all runs of it meet the same wall. */
export interface ProviderLimit {
  /** When it is lifted; undefined where calls may be made. Epoch milliseconds. */
  untilMs(): number | undefined;
  /** To be told of every answer. */
  note(answer: LimitAnswer): void;
}

export interface LimitAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A weekly window is the longest that there is. */
const longestMs = 8 * 24 * 3_600_000;
/** Below this the agent's own client waits. */
const shortestMs = 30_000;
/** An API that has been overloaded for so long is left alone for so long: a client gives up after some three minutes. */
const overloadedForMs = 60_000;
const restMs = 120_000;

/** Where a limit is kept over the gateway's end. */
export interface LimitPlace {
  file: string;
  /** Another key has limits of its own: what was kept under another is forgotten. */
  keyDigest: string;
}

export function openProviderLimit(place?: LimitPlace, nowMs: () => number = Date.now): ProviderLimit {
  let until = place ? readKept(place) : 0;
  let overloadedSinceMs: number | undefined;
  const raise = (to: number) => {
    if (to <= until) return;
    until = to;
    // Not needed for anything but courtesy: the wall is met again where it was forgotten.
    if (place) writeFileSync(place.file, JSON.stringify({ key: place.keyDigest, untilMs: until }), { mode: 0o600 });
  };
  return {
    untilMs: () => (until > nowMs() ? until : undefined),
    note({ status, headers }) {
      const now = nowMs();
      raise(decideLimitedUntil({ status, headers }, now) ?? 0);
      // Anthropic's word for "overloaded" is 529.
      overloadedSinceMs = status === 529 ? (overloadedSinceMs ?? now) : undefined;
      if (overloadedSinceMs === undefined || now - overloadedSinceMs < overloadedForMs) return;
      raise(now + restMs);
      overloadedSinceMs = undefined;
    },
  };
}

/**
 * ◆ Until when an answer says that no call will pass; undefined where it says nothing of the kind, or only of a moment. The headers are
 * those of platform.claude.com/docs/en/api/rate-limits: `retry-after` in seconds, or a date; `anthropic-ratelimit-unified-reset` in epoch
 * seconds, for subscriptions.
 */
export function decideLimitedUntil({ status, headers }: LimitAnswer, nowMs: number): number | undefined {
  if (status !== 429) return undefined;
  const told = [parseRetryAfter(headers["retry-after"], nowMs), parseReset(headers["anthropic-ratelimit-unified-reset"])];
  const untilMs = Math.max(...told.map((each) => each ?? 0));
  if (untilMs - nowMs < shortestMs) return undefined;
  return Math.min(untilMs, nowMs + longestMs);
}

function readKept({ file, keyDigest }: LimitPlace): number {
  try {
    const { key, untilMs } = JSON.parse(readFileSync(file, "utf8")) as { key?: unknown; untilMs?: unknown };
    return key === keyDigest && typeof untilMs === "number" ? untilMs : 0;
  } catch {
    return 0;
  }
}

function parseRetryAfter(value: unknown, nowMs: number): number | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\d{1,9}$/.test(value)) return nowMs + Number(value) * 1_000;
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

function parseReset(value: unknown): number | undefined {
  return typeof value === "string" && /^\d{9,11}$/.test(value) ? Number(value) * 1_000 : undefined;
}
