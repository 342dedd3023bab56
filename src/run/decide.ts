import { capEnding } from "./cap.ts";
import { resumesAtMs } from "./clock.ts";
import { decideMove } from "./move.ts";
import { decidePace } from "./pace.ts";
import type { Seen } from "./seen.ts";
import type { Ending, Run } from "./state.ts";
import type { Step } from "./step.ts";
import { upkeepDueAtMs } from "./upkeep.ts";
import { decideParking, decideRevival, decideWaitEnd, killedCodes, parkAfterMs } from "./waiting.ts";

/** Pure. What to do next for a run, given what is out there. `nowMs`: epoch milliseconds. */
export function decide(run: Run, seen: Seen, nowMs: number): Step {
  if (seen.forgotten && run.at !== "closing" && run.at !== "ended") return { do: "recall", ...seen.forgotten };
  if (seen.away && decideMove(run, nowMs).is !== "stays") return { do: "move" };
  switch (run.at) {
    case "accepted":
      return { do: "pin" };
    case "announcing":
      return { do: "announce" };
    case "queued":
      if (seen.stop) return { do: "ask-stop", ending: seen.stop };
      if (seen.overCap) return { do: "ask-stop", ending: capEnding(seen.overCap, false) };
      if (seen.slotFree && !seen.full && !waitForLimit(seen, nowMs)) return { do: "take-slot" };
      if (seen.reportDue) return { do: "report" };
      return waitForLimit(seen, nowMs) ?? { do: "wait" };
    case "preparing":
      return seen.stop ? { do: "ask-stop", ending: seen.stop } : { do: "prepare" };
    case "sealing":
      return seen.stop ? { do: "ask-stop", ending: seen.stop } : { do: "seal" };
    case "launching":
      if (seen.stop) return { do: "ask-stop", ending: seen.stop };
      // The sandbox was verified a moment ago; if it is gone, what runs now was not.
      if (seen.sandbox.state !== "running") {
        const pause = decideRevival(run, findDeath(seen.sandbox) ?? { exitCode: 137, oomKilled: false }, nowMs);
        return pause ? { do: "pause", pause } : sandboxLost;
      }
      return { do: "launch" };
    case "working":
      return decideWorking(run, seen, nowMs);
    case "waiting":
      return decideWaiting(run, seen, nowMs);
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
    remedy: "Ask for less output in the issue, or raise AIRLOCK_OUTPUT, then set the label again.",
  },
};

const unwalled: Ending = {
  outcome: "failed",
  reason: {
    code: "sandbox.firewall-lost",
    words: "Something on the host changed the sandbox's firewall, and it could not be restored. The sandbox was cut off at once.",
    remedy: "See what on the host flushes nftables in other network namespaces, then set the label again.",
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

/** All runs of a credential wait together: one that began now would only meet the same wall. */
function waitForLimit({ limitedUntilMs }: Seen, nowMs: number): Step | undefined {
  if (limitedUntilMs === undefined || limitedUntilMs - nowMs < parkAfterMs) return undefined;
  return { do: "wait", untilMs: limitedUntilMs };
}

function decideWaiting(run: Extract<Run, { at: "waiting" }>, seen: Seen, nowMs: number): Step {
  // First the place: what waits may wait for hours, and others wait for the machine.
  if (run.slot.uid !== undefined) return { do: "put-away" };
  if (seen.stop) return { do: "ask-stop", ending: seen.stop };
  const untilMs = resumesAtMs(run.pause, nowMs);
  if (nowMs < untilMs) return { do: "wait", untilMs };
  const limited = waitForLimit(seen, nowMs);
  // Others met the limit anew while it waited: its hours are used up by that as well.
  const ending = seen.limitedUntilMs !== undefined && limited && decideWaitEnd(run, seen.limitedUntilMs, nowMs);
  if (ending) return { do: "ask-stop", ending };
  if (limited || !seen.slotFree) return limited ?? { do: "wait" };
  // Its first call would be refused.
  return seen.overCap ? { do: "ask-stop", ending: capEnding(seen.overCap, true) } : { do: "take-slot" };
}

/** So much longer held work that is to be published waits for its machine. */
const returnMs = 24 * 3_600_000;

function decideHeld(run: Extract<Run, { at: "held" }>, seen: Seen, nowMs: number): Step {
  // First the place: a held run may wait for days, and others wait for the machine.
  if (run.slot || run.untold) return { do: "rest" };
  if (seen.stop) return { do: "ask-stop", ending: seen.stop };
  // Its machine alone has what would be published, and may be back: whoever stands in for it only lets go.
  const blocked = seen.word?.kind === "publish" && seen.away;
  // A word that was given in time counts, however late it is read.
  if (seen.word && !blocked) return { do: seen.word.kind === "publish" ? "release" : "discard", by: seen.word.by };
  const untilMs = run.heldUntilMs + (blocked ? returnMs : 0);
  if (nowMs >= untilMs) return { do: "expire" };
  return seen.reportDue ? { do: "report" } : { do: "wait", untilMs };
}

function decideWorking(run: Extract<Run, { at: "working" }>, seen: Seen, nowMs: number): Step {
  if (seen.stop) return { do: "ask-stop", ending: seen.stop };
  if (seen.keyRefused) return { do: "ask-stop", ending: keyRefused };
  if (seen.overBudget) return { do: "ask-stop", ending: overBudget };
  if (seen.overCap) return { do: "ask-stop", ending: capEnding(seen.overCap, true) };
  if (seen.outputFull) return { do: "ask-stop", ending: outputFull };
  if (seen.upkept?.unwalled) return { do: "ask-stop", ending: unwalled };
  // The last words of an agent that has ended are read before anything is made of its exit. One that goes on has its deadline, though its
  // words cannot be read: nothing that it says may keep it from that.
  const overdue = seen.sandbox.state === "running" && nowMs >= run.deadlineAtMs;
  if (seen.sandbox.state !== "absent" && !seen.watched && !overdue) return { do: "watch" };
  // Before the end is judged: it may be the reason.
  const limit = seen.met?.find((met) => !run.met?.includes(met));
  if (limit !== undefined) return { do: "note-limit", limit };
  const { sandbox } = seen;
  if (seen.paused?.working && sandbox.state === "running")
    return { do: "pause", pause: { why: "operator", untilMs: nowMs, by: seen.paused.by } };
  // An agent that was done before the limit is done; one that gave up because of it has not failed.
  const parking =
    sandbox.state === "exited" && sandbox.exitCode === 0 ? undefined : decideParking(run, seen.limitedUntilMs, nowMs);
  if (parking) return parking.is === "end" ? { do: "ask-stop", ending: parking.ending } : { do: "pause", pause: parking.pause };
  if (nowMs < run.deadlineAtMs) {
    const death = findDeath(sandbox);
    const pause = death && decideRevival(run, death, nowMs);
    if (pause) return { do: "pause", pause };
  }
  if (sandbox.state === "exited") return { do: "end-agent", exitCode: sandbox.exitCode, oomKilled: sandbox.oomKilled };
  if (nowMs >= run.deadlineAtMs) return { do: "ask-stop", ending: deadline };
  if (sandbox.state !== "running") return sandboxLost;
  const upkeepAtMs = upkeepDueAtMs(seen, nowMs, run.slot.mode);
  if (nowMs >= upkeepAtMs) return { do: "upkeep" };
  if (seen.inputDue) return { do: "end-input" };
  const { limits } = run.slot;
  const pacing = seen.pace && limits && decidePace(seen.pace, limits, run.nudges ?? [], nowMs);
  if (pacing?.is === "end") return { do: "ask-stop", ending: pacing.ending };
  if (pacing?.is === "nudge") {
    const { is: _, ...nudge } = pacing;
    return { do: "nudge", ...nudge };
  }
  if (seen.reportDue) return { do: "report" };
  return { do: "wait", untilMs: Math.min(run.deadlineAtMs, upkeepAtMs, pacing?.untilMs ?? Number.POSITIVE_INFINITY) };
}

/** A sandbox that did not end by itself: nobody of ours has stopped it, or the run would not be at work any more. */
function findDeath(sandbox: Seen["sandbox"]): { exitCode: number; oomKilled: boolean } | undefined {
  if (sandbox.state === "absent" || sandbox.state === "created") return { exitCode: 137, oomKilled: false };
  if (sandbox.state === "exited" && killedCodes.includes(sandbox.exitCode))
    return { exitCode: sandbox.exitCode, oomKilled: sandbox.oomKilled };
  return undefined;
}
