import type { Pause } from "./waiting.ts";

/** ◆ Times that were written down by a clock that may have been set since. A clock that went forward looks like time that has passed. */

/** Whether a step that failed is not to be tried again yet. What was written later than now says nothing of how long ago that was. */
export function isPostponed(run: { notBeforeMs: number; updatedAtMs: number }, nowMs: number): boolean {
  return run.notBeforeMs > nowMs && run.updatedAtMs <= nowMs;
}

/** No pause of ours is longer: see run/waiting.ts. */
export const longestOwnPauseMs = 60_000;

/**
 * When a paused run is to go on. A provider's limit holds as long as the provider says; a pause of ours that seems to last for longer than
 * any of them was written before the clock was set back, and is over.
 */
export function resumesAtMs({ why, untilMs }: { why: Pause["why"]; untilMs: number }, nowMs: number): number {
  return why !== "provider" && untilMs - nowMs > longestOwnPauseMs ? nowMs : untilMs;
}
