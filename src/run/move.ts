import type { Ending, Run } from "./state.ts";
import type { Pause } from "./waiting.ts";

/** Where a run stands whose machine is gone: what of it is neither on GitHub nor in the store is gone with that. */
export type Move = { is: "queued" } | { is: "again"; pause: Pause } | { is: "ended"; ending: Ending } | { is: "stays" };

/**
 * ◆ What becomes of a run whose machine has not been heard of for too long. It begins again on another one, as often as a run may whose
 * sandbox dies; one that was to end, ends; held work waits, since that machine alone has it.
 */
export function decideMove(run: Run, nowMs: number): Move {
  switch (run.at) {
    case "queued":
      return { is: "queued" };
    case "preparing":
      return run.earlier ? again(run.earlier.lost, run.slot.limits?.attempts, nowMs) : { is: "queued" };
    case "sealing":
    case "launching":
    case "working":
      return again(run.earlier?.lost ?? 0, run.slot.limits?.attempts, nowMs);
    case "waiting":
      return run.pause.why === "lost"
        ? again(run.earlier.lost, run.slot.limits?.attempts, nowMs)
        : { is: "again", pause: run.pause };
    case "inspecting":
      return run.because ? { is: "ended", ending: run.because } : again(0, run.slot.limits?.attempts, nowMs);
    case "publishing":
      return again(0, run.slot?.limits?.attempts, nowMs);
    case "stopping":
      return { is: "ended", ending: run.because };
    default:
      return { is: "stays" };
  }
}

function again(lost: number, attempts: number | undefined, nowMs: number): Move {
  if (attempts !== undefined && lost + 1 >= attempts) return { is: "ended", ending: machineLost };
  return { is: "again", pause: { why: "machine", untilMs: nowMs } };
}

const machineLost: Ending = {
  outcome: "failed",
  reason: {
    code: "machine.lost",
    words: "The machine that the run was on has not been heard of for too long, and the run has had all of its attempts.",
    remedy: "See what became of that machine (./airlock machines lists them), then set the label again.",
  },
};
