import type { RunLimits } from "./limits.ts";
import type { Ending } from "./state.ts";

/** What the agent's own events say of how it goes on. Read from the sandbox's log, so it is the same after a restart. */
export interface Pace {
  /** Until when there is a sign of life: its last event, or the end of what a call that has not answered may take. Epoch milliseconds. */
  activeUntilMs: number;
  /** Of each of its conversations the call that it made last, and when it made that very call without another between. */
  repeated: readonly { call: string; tool: string; atMs: readonly number[] }[];
  /** Its input is ended: it hears nothing any more. */
  deaf: boolean;
}

/** That the agent was spoken to. `call`: which one it repeated. */
export interface Nudge {
  why: "stall" | "loop";
  call?: string;
  atMs: number;
}

export type Pacing =
  | { is: "fine"; untilMs: number }
  | { is: "nudge"; why: Nudge["why"]; call?: string; words: string }
  | { is: "end"; ending: Ending };

/** Whoever needs more words than these does not listen. */
const mostNudges = 3;

/**
 * Pure. Whether the agent goes on, is to be told to change its approach, or is to be ended: told once for each reason, and ended where
 * that did not help. `nudges`: what it has been told, oldest first. `untilMs`: when to look again, if nothing is heard before.
 */
export function decidePace(pace: Pace, limits: RunLimits, nudges: readonly Nudge[], nowMs: number): Pacing {
  for (const { call, tool, atMs } of pace.repeated) {
    const told = nudges.findLast((nudge) => nudge.call === call);
    if (atMs.filter((at) => at > (told?.atMs ?? 0)).length < limits.loopCalls) continue;
    if (told || pace.deaf || nudges.length >= mostNudges) return { is: "end", ending: looping(tool, atMs.length) };
    return { is: "nudge", why: "loop", call, words: loopWords(tool, atMs.length) };
  }
  const last = nudges.findLast(({ why }) => why === "stall");
  const spanMs = limits.stallMinutes * 60_000;
  const quietSinceMs = Math.max(pace.activeUntilMs, last?.atMs ?? 0);
  if (nowMs < quietSinceMs + spanMs) return { is: "fine", untilMs: quietSinceMs + spanMs };
  const unheard = last !== undefined && pace.activeUntilMs <= last.atMs;
  if (unheard || pace.deaf || nudges.length >= mostNudges) return { is: "end", ending: stalled(limits.stallMinutes) };
  return { is: "nudge", why: "stall", words: stallWords(limits.stallMinutes) };
}

const goOn =
  "Nobody else will answer. Change the approach, or finish: commit what is done, and say what stands in the way. If this goes on, the run is ended.";

function loopWords(tool: string, times: number): string {
  return `A word from Airlock, which runs you: you have called ${tool} ${times} times in a row with the same input. ${goOn}`;
}

function stallWords(minutes: number): string {
  return `A word from Airlock, which runs you: nothing has been seen of you for ${printMinutes(minutes)}. ${goOn}`;
}

function looping(tool: string, times: number): Ending {
  return {
    outcome: "failed",
    reason: {
      code: "agent.looping",
      words: `The agent went round in a circle: it called ${tool} ${times} times in a row with the same input, and was told so.`,
      remedy: "Say in the issue what stood in its way, or raise AIRLOCK_LOOP_CALLS, then set the label again.",
    },
  };
}

function stalled(minutes: number): Ending {
  return {
    outcome: "failed",
    reason: {
      code: "agent.stalled",
      words: `The agent stalled: nothing was seen of it for ${printMinutes(minutes)}, and again after it was told so.`,
      remedy: "The run's page shows what it did last. Raise AIRLOCK_STALL_MINUTES if it needs longer, then set the label again.",
    },
  };
}

function printMinutes(minutes: number): string {
  const rounded = Math.round(minutes * 100) / 100;
  return `${rounded} ${rounded === 1 ? "minute" : "minutes"}`;
}
