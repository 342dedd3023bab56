import type { Kysely } from "kysely";
import type { Gateway } from "../gateway/client.ts";
import type { Throttle } from "../github/throttle.ts";
import { findSharedLimit, shareLimit } from "../store/queries/limits.ts";
import { listMachines, type MachineRow, noteMachine } from "../store/queries/machines.ts";
import type { Schema } from "../store/schema.ts";
import { clockMs, readClockOffMs } from "../store/shared-database.ts";

export interface Heartbeat {
  /** Tells the other machines that this one lives, and what it has heard of the provider's limit and of GitHub's; takes what they tell. */
  beat(): Promise<void>;
  /**
   * Whether this machine may say of another that it is lost. Not after a while without a beat of its own, until the others had time for
   * one: where the database was away, all of them are silent, and none is lost. So too at the start, and while its clock is not the
   * database's.
   */
  mayJudge(): boolean;
}

export function createHeartbeat(parts: {
  db: Kysely<Schema>;
  gateway: Pick<Gateway, "findLimit">;
  /** Names the model's credential, and does not tell it. */
  credential: string;
  machine: Omit<MachineRow, "sinceMs" | "seenAtMs">;
  /** GitHub counts the calls of all machines together. `app`: names the App. */
  github: { app: string; throttle: Pick<Throttle, "pause" | "pausedUntilMs" | "share"> };
  /** How long a beat counts: some ticks. */
  spanMs: number;
  onClock(offMs: number): void;
  /** By default the database is asked. */
  clockOffMs?(): Promise<number>;
  nowMs(): number;
}): Heartbeat {
  const { db, nowMs, spanMs, clockOffMs = () => readClockOffMs(db, nowMs) } = parts;
  const sinceMs = nowMs();
  let last: { atMs: number; offMs: number } | undefined;
  let judgesFromMs = 0;
  const beat = async () => {
    const offMs = await clockOffMs();
    // By the clock that all share: one that was set back would make this machine look lost.
    await noteMachine(db, { ...parts.machine, sinceMs, seenAtMs: nowMs() + offMs });
    const atMs = nowMs();
    if (!last || Math.abs(atMs - last.atMs) > spanMs) judgesFromMs = atMs + spanMs;
    last = { atMs, offMs };
    if (Math.abs(offMs) > clockMs) parts.onClock(offMs);
    // A gateway that is away is started again by whoever looks after it, and asked the next time.
    const untilMs = await parts.gateway.findLimit().catch(() => undefined);
    if (untilMs !== undefined && untilMs > nowMs()) await shareLimit(db, parts.credential, untilMs);
    await shareGithub(atMs + offMs);
  };
  const shareGithub = async (sharedMs: number) => {
    const { app, throttle } = parts.github;
    const living = (await listMachines(db)).filter(({ seenAtMs }) => sharedMs - seenAtMs <= spanMs);
    throttle.share(living.length);
    const pausedUntilMs = throttle.pausedUntilMs();
    if (pausedUntilMs > 0) await shareLimit(db, `github:${app}`, pausedUntilMs);
    const sharedUntilMs = (await findSharedLimit(db, `github:${app}`, nowMs())) ?? 0;
    if (sharedUntilMs > pausedUntilMs) throttle.pause(sharedUntilMs - nowMs());
  };
  const mayJudge = () => {
    const now = nowMs();
    return last !== undefined && Math.abs(now - last.atMs) <= spanMs && now >= judgesFromMs && Math.abs(last.offMs) <= clockMs;
  };
  return { beat, mayJudge };
}
