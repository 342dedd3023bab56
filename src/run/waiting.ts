import type { RunLimits } from "./limits.ts";
import type { Ending, Run, Waiting } from "./state.ts";

/** Why a run is without a sandbox for a while, and until when. */
export type Pause =
  /** The provider's limit is reached: every run of the same credential waits for it to be lifted. */
  | { why: "provider"; untilMs: number }
  /** An operator paused what is at work; it goes on when that is taken back. */
  | { why: "operator"; untilMs: number; by: string }
  /** Its sandbox died under it: another one goes on with its session, a moment later. */
  | { why: "lost"; untilMs: number; oomKilled: boolean; exitCode: number }
  /** Its machine has not been heard of for too long: it begins again on another one. */
  | { why: "machine"; untilMs: number };

/** What a run has behind it that began again in another sandbox. Absent in its first. */
export interface Earlier {
  /** How many sandboxes it had, and how many of them died. */
  sandboxes: number;
  lost: number;
  /** How long its agent has worked and how long it has waited for the provider, in milliseconds. */
  workedMs: number;
  waitedMs: number;
}

/** What is left of a limit and shorter is waited for where one is. The gateway tells of none that is short from the beginning. */
export const parkAfterMs = 10_000;

/** An engine that has just come back, and a machine that is out of memory, get a moment. */
const againAfterMs = 2_000;

/** Exit codes of what SIGKILL or SIGTERM ended; 255 is an engine's that was not there to see it, as where the machine lost its power. An
 *  agent that Airlock stops is not judged by them. */
export const killedCodes: readonly number[] = [137, 143, 255];

export type Parking = { is: "pause"; pause: Pause } | { is: "end"; ending: Ending };

type Working = Extract<Run, { at: "working" }>;
type Launching = Extract<Run, { at: "launching" }>;

/**
 * Pure. What the provider's limit, which holds until `limitedUntilMs`, means for a working run: it is parked, or ended where it would wait
 * longer than it may. Undefined: it goes on.
 */
export function decideParking(run: Working, limitedUntilMs: number | undefined, nowMs: number): Parking | undefined {
  if (limitedUntilMs === undefined || limitedUntilMs - nowMs < parkAfterMs) return undefined;
  const mostMs = waitLimitMs(run.slot.limits);
  if ((run.earlier?.waitedMs ?? 0) + limitedUntilMs - nowMs > mostMs)
    return { is: "end", ending: waitedTooLong(limitedUntilMs, mostMs) };
  return { is: "pause", pause: { why: "provider", untilMs: limitedUntilMs } };
}

/** Pure. How a run ends that has waited, and would have to wait for the provider longer than it may. What it was parked for is counted already. */
export function decideWaitEnd(run: Waiting, limitedUntilMs: number, nowMs: number): Ending | undefined {
  const mostMs = waitLimitMs(run.slot.limits);
  const fromMs = run.pause.why === "provider" ? run.pause.untilMs : nowMs;
  return run.earlier.waitedMs + limitedUntilMs - fromMs > mostMs ? waitedTooLong(limitedUntilMs, mostMs) : undefined;
}

/** Pure. Whether a run whose sandbox died is gone on with. */
export function decideRevival(
  run: Working | Launching,
  death: { oomKilled: boolean; exitCode: number },
  nowMs: number,
): Pause | undefined {
  const lost = (run.earlier?.lost ?? 0) + 1;
  return lost < (run.slot.limits?.attempts ?? 1) ? { why: "lost", untilMs: nowMs + againAfterMs * lost, ...death } : undefined;
}

/** What a run that is paused now has behind it. */
export function earlierOf(run: Run, pause: Pause, nowMs: number): Earlier {
  const { sandboxes = 0, lost = 0, workedMs = 0, waitedMs = 0 } = ("earlier" in run && run.earlier) || {};
  return {
    sandboxes: sandboxes + 1,
    lost: lost + (pause.why === "lost" || pause.why === "machine" ? 1 : 0),
    workedMs: workedMs + (run.at === "working" ? Math.max(0, nowMs - run.startedAtMs) : 0),
    waitedMs: waitedMs + (pause.why === "provider" ? Math.max(0, pause.untilMs - nowMs) : 0),
  };
}

/** What the agent is told first in its next sandbox. Its session may have been lost with the old one, so the task is told again. */
export function printResumption(pause: Pause["why"], task: string): string {
  return `You were interrupted ${interruptions[pause]} Your home and your working tree are as you left them; programs that you had started are gone. See what is done, then go on. The task was:\n\n${task}`;
}

const interruptions: Readonly<Record<Pause["why"], string>> = {
  provider: "because the model API's limit was reached. It is lifted now.",
  operator: "because the operator paused all work for a while.",
  lost: "because your sandbox ended under you: the machine was restarted, or it ran out of memory.",
  machine: "because the machine that you worked on was lost.",
};

function waitLimitMs(limits: RunLimits | undefined): number {
  return (limits?.waitHours ?? 0) * 3_600_000;
}

function waitedTooLong(untilMs: number, mostMs: number): Ending {
  return {
    outcome: "timed_out",
    reason: {
      code: "model.limited",
      words: `The model API's limit is reached until ${printUtc(untilMs)}, and a run may wait for it ${Math.round(mostMs / 3_600_000)} hours at most.`,
      remedy:
        "Set the label again when the limit is lifted, or raise AIRLOCK_WAIT_HOURS. What was done so far is kept as a patch on the run's page.",
    },
  };
}

/** "2026-11-26 20:15 UTC". */
export function printUtc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
