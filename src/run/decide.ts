import { decidePace } from "./pace.ts";
import type { Seen } from "./seen.ts";
import type { Ending, Run } from "./state.ts";
import type { Step } from "./step.ts";

/** Pure. What to do next for a run, given what is out there. `nowMs`: epoch milliseconds. */
export function decide(run: Run, seen: Seen, nowMs: number): Step {
  if (seen.forgotten && run.at !== "closing" && run.at !== "ended") return { do: "recall", ...seen.forgotten };
  switch (run.at) {
    case "accepted":
      return { do: "pin" };
    case "announcing":
      return { do: "announce" };
    case "queued":
      if (seen.stop) return { do: "ask-stop", ending: seen.stop };
      if (seen.slotFree) return { do: "take-slot" };
      return seen.reportDue ? { do: "report" } : { do: "wait" };
    case "preparing":
      return seen.stop ? { do: "ask-stop", ending: seen.stop } : { do: "prepare" };
    case "sealing":
      return seen.stop ? { do: "ask-stop", ending: seen.stop } : { do: "seal" };
    case "launching":
      if (seen.stop) return { do: "ask-stop", ending: seen.stop };
      // The sandbox was verified a moment ago; if it is gone, what runs now was not.
      if (seen.sandbox.state !== "running") return sandboxLost;
      return { do: "launch" };
    case "working":
      return decideWorking(run, seen, nowMs);
    case "stopping":
      return { do: "stop-sandbox" };
    case "inspecting":
      return { do: "inspect" };
    case "held":
      return decideHeld(run, seen, nowMs);
    case "publishing":
      return { do: "push", tip: run.tip, rebuilt: run.rebuilt };
    case "presenting":
      return { do: "present", head: run.rebuilt };
    case "closing":
      return { do: "close" };
    case "ended":
      return { do: "wait" };
  }
}

const sandboxLost: Step = {
  do: "fail",
  code: "sandbox.lost",
  words: "The sandbox disappeared while the run needed it.",
  remedy: "See whether the Docker engine was restarted, then set the label again.",
};

const overBudget: Ending = {
  outcome: "over_budget",
  reason: {
    code: "model.over-budget",
    words: "The run's budget is used up.",
    remedy: "Make the issue smaller, or raise AIRLOCK_RUN_BUDGET_USD, then set the label again.",
  },
};

const keyRefused: Ending = {
  outcome: "failed",
  reason: {
    code: "model.key-refused",
    words: "The model API refused Airlock's key.",
    remedy: "Set a valid ANTHROPIC_API_KEY (or CLAUDE_CODE_OAUTH_TOKEN), restart Airlock, then set the label again.",
  },
};

const outputFull: Ending = {
  outcome: "failed",
  reason: {
    code: "sandbox.output-full",
    words: "The agent printed more than a run may.",
    remedy: "Ask for less output in the issue, then set the label again.",
  },
};

const deadline: Ending = {
  outcome: "timed_out",
  reason: {
    code: "run.deadline",
    words: "The run reached its deadline.",
    remedy: "Make the issue smaller, or raise AIRLOCK_DEADLINE_MINUTES.",
  },
};

function decideHeld(run: Extract<Run, { at: "held" }>, seen: Seen, nowMs: number): Step {
  // First the place: a held run may wait for days, and others wait for the machine.
  if (run.slot || run.untold) return { do: "rest" };
  if (seen.stop) return { do: "ask-stop", ending: seen.stop };
  // A word that was given in time counts, however late it is read.
  if (seen.word) return { do: seen.word.kind === "publish" ? "release" : "discard", by: seen.word.by };
  if (nowMs >= run.heldUntilMs) return { do: "expire" };
  return { do: "wait", untilMs: run.heldUntilMs };
}

function decideWorking(run: Extract<Run, { at: "working" }>, seen: Seen, nowMs: number): Step {
  if (seen.stop) return { do: "ask-stop", ending: seen.stop };
  if (seen.keyRefused) return { do: "ask-stop", ending: keyRefused };
  if (seen.overBudget) return { do: "ask-stop", ending: overBudget };
  if (seen.outputFull) return { do: "ask-stop", ending: outputFull };
  // The last words of an agent that has ended are read before anything is made of its exit.
  if (seen.sandbox.state !== "absent" && !seen.watched) return { do: "watch" };
  // Before the end is judged: it may be the reason.
  const limit = seen.met?.find((met) => !run.met?.includes(met));
  if (limit !== undefined) return { do: "note-limit", limit };
  if (seen.sandbox.state === "exited")
    return { do: "end-agent", exitCode: seen.sandbox.exitCode, oomKilled: seen.sandbox.oomKilled };
  if (nowMs >= run.deadlineAtMs) return { do: "ask-stop", ending: deadline };
  if (seen.sandbox.state !== "running") return sandboxLost;
  if (seen.inputDue) return { do: "end-input" };
  const { limits } = run.slot;
  const pacing = seen.pace && limits && decidePace(seen.pace, limits, run.nudges ?? [], nowMs);
  if (pacing?.is === "end") return { do: "ask-stop", ending: pacing.ending };
  if (pacing?.is === "nudge") {
    const { is: _, ...nudge } = pacing;
    return { do: "nudge", ...nudge };
  }
  if (seen.reportDue) return { do: "report" };
  return { do: "wait", untilMs: Math.min(run.deadlineAtMs, pacing?.untilMs ?? Number.POSITIVE_INFINITY) };
}
