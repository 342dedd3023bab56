import type { Fact } from "./fact.ts";
import type { Met } from "./met.ts";
import { decideMove } from "./move.ts";
import type { Reason } from "./outcome.ts";
import type { Ending, Left, Passage, Run } from "./state.ts";
import { earlierOf, killedCodes } from "./waiting.ts";

/** The only way to a next state. A fact that does not fit the state leaves it as it is: late news never moves a run backwards. */
export function evolve(run: Run, fact: Fact): Run {
  if (run.at === "ended") return run;
  // A run that closes has its ending: what goes wrong on the way out changes neither it nor the pull request that was made.
  if (fact.is === "failed" && run.at !== "closing") {
    const ending: Ending = { outcome: "failed", reason: fact.reason };
    // It ends for another reason already, and what failed was only to keep its work: that reason is the one to be told.
    if (run.at === "inspecting" && run.because) return close(run, run.because);
    // What the agent made so far is looked at and kept first. If that fails too, the run closes from there.
    return run.at === "working" ? stop(run, ending) : leave(run, ending);
  }
  if (fact.is === "recalled" && run.at !== "closing") {
    const { ending, pullRequest } = fact;
    return { ...close(run, ending), ...(pullRequest && { pullRequest }), told: true };
  }
  if (fact.is === "moved") return move(run, fact.atMs);
  switch (run.at) {
    case "accepted":
      if (fact.is === "pinned") return { at: "announcing", pins: fact.pins };
      if (fact.is === "refused") return { at: "closing", ending: { outcome: "refused", reason: fact.reason } };
      return run;
    case "announcing":
      if (fact.is === "announced") return { ...run, at: "queued", stand: fact.stand };
      if (fact.is === "refused") return { at: "closing", pins: run.pins, ending: { outcome: "refused", reason: fact.reason } };
      return run;
    case "queued":
      if (fact.is === "slot-taken") return { ...run, at: "preparing", slot: fact.slot };
      if (fact.is === "stop-asked") return close(run, fact.ending);
      return run;
    case "preparing":
      if (fact.is === "prepared")
        return {
          ...run,
          at: "sealing",
          slot: { ...run.slot, ...(fact.limits && { limits: fact.limits }), ...(fact.paths && { paths: fact.paths }) },
        };
      if (fact.is === "sent-on") return sendOn(run, fact.needs);
      if (fact.is === "refused") return close(run, { outcome: "refused", reason: fact.reason });
      if (fact.is === "stop-asked") return close(run, fact.ending);
      return run;
    case "sealing":
      if (fact.is === "sealed") return { ...run, at: "launching" };
      if (fact.is === "not-sealed") return leave(run, notSealed(fact.failed));
      if (fact.is === "stop-asked") return leave(run, fact.ending);
      return run;
    case "launching":
      if (fact.is === "launched") {
        const { pausedFor: _, ...rest } = run;
        return { ...rest, at: "working", startedAtMs: fact.atMs, deadlineAtMs: fact.deadlineAtMs };
      }
      if (fact.is === "paused") return pause(run, fact);
      if (fact.is === "stop-asked") return leave(run, fact.ending);
      return run;
    case "working": {
      if (fact.is === "nudged") {
        const { why, call, atMs } = fact;
        return { ...run, nudges: [...(run.nudges ?? []), { why, ...(call !== undefined && { call }), atMs }] };
      }
      if (fact.is === "limit-met") return { ...run, met: [...new Set([...(run.met ?? []), fact.limit])] };
      if (fact.is === "stop-asked") return stop(run, fact.ending);
      if (fact.is === "paused") return pause(run, fact);
      const { startedAtMs: _, deadlineAtMs: __, nudges: ___, earlier: ____, met = [], ...rest } = run;
      if (fact.is === "agent-ended") return { ...rest, at: "inspecting", agentExit: fact.exitCode, ...reasonOfEnd(fact, met) };
      return run;
    }
    case "waiting": {
      const { uid: _, ...terms } = run.slot;
      if (fact.is === "put-away") return { ...run, slot: terms };
      if (fact.is === "stop-asked") return run.afresh ? close(run, fact.ending) : leave(run, fact.ending);
      if (fact.is === "slot-taken") {
        const { pins, stand, earlier, pause } = run;
        if (run.afresh) return { at: "preparing", pins, stand, slot: { ...terms, uid: fact.slot.uid }, earlier };
        return { at: "sealing", pins, stand, slot: { ...terms, uid: fact.slot.uid }, earlier, pausedFor: pause.why };
      }
      return run;
    }
    case "stopping":
      if (fact.is === "stopped") return { ...run, at: "inspecting", agentExit: fact.exitCode };
      return run;
    case "inspecting":
      if (fact.is === "inspected" || fact.is === "held") {
        // Work that was cut short is kept as a patch, and not published: nobody said that it was done.
        const ending = run.because ?? (run.agentExit === 0 ? undefined : agentFailed(run.agentExit));
        if (ending) return close(run, ending);
        const { agentExit: _, because: __, ...rest } = run;
        const work = { ...rest, tip: fact.tip, rebuilt: fact.rebuilt, ...passageOf(fact) };
        if (fact.is === "held") return { ...work, at: "held", why: fact.why, heldUntilMs: fact.untilMs };
        return { ...work, at: "publishing" };
      }
      if (fact.is === "work-refused") return close(run, run.because ?? { outcome: "refused", reason: fact.reason });
      if (fact.is === "nothing-made") {
        if (run.because) return close(run, run.because);
        return close(run, run.agentExit === 0 ? { outcome: "no_changes" } : agentFailed(run.agentExit));
      }
      return run;
    case "held": {
      const { slot, why: _, heldUntilMs: __, heard, untold: ___, ...rest } = run;
      if (fact.is === "rested")
        return { ...rest, at: "held", why: run.why, heldUntilMs: run.heldUntilMs, ...(heard !== undefined && { heard }) };
      if (fact.is === "held-again") return { ...run, why: fact.why, heldUntilMs: fact.untilMs, heard: fact.heard, untold: true };
      if (fact.is === "released") return { ...rest, ...(slot && { slot }), at: "publishing" };
      if (fact.is === "discarded") return close(run, discarded(fact.by));
      if (fact.is === "hold-expired") return close(run, holdExpired);
      if (fact.is === "stop-asked") return close(run, fact.ending);
      return run;
    }
    case "publishing":
      if (fact.is === "pushed") {
        const { tip: _, ...rest } = run;
        return { ...rest, at: "presenting" };
      }
      if (fact.is === "work-refused") return close(run, { outcome: "refused", reason: fact.reason });
      return run;
    case "presenting":
      if (fact.is === "presented") return { ...close(run, { outcome: "succeeded" }), pullRequest: fact.pullRequest };
      return run;
    case "closing":
      if (fact.is === "closed") {
        const { stand, pullRequest, ending } = run;
        return { at: "ended", ending, ...(stand && { stand }), ...(pullRequest && { pullRequest }) };
      }
      return run;
  }
}

function passageOf({ draft, workflows }: Passage): Passage {
  return { ...(draft && { draft }), ...(workflows && { workflows }) };
}

function discarded(by: string): Ending {
  return {
    outcome: "cancelled",
    reason: {
      code: "hold.discarded",
      words: `${by} discarded the held work.`,
      remedy: "It is kept as a patch on the run's page.",
    },
  };
}

const holdExpired: Ending = {
  outcome: "timed_out",
  reason: {
    code: "hold.expired",
    words: "Nobody released the held work in time, so it was not published.",
    remedy: "It is kept as a patch on the run's page. Ask again, or raise AIRLOCK_HOLD_DAYS.",
  },
};

function stop(run: Extract<Run, { at: "working" }>, because: Ending): Run {
  const { startedAtMs: _, deadlineAtMs: __, nudges: ___, met: ____, earlier: _____, ...rest } = run;
  return { ...rest, at: "stopping", because };
}

function pause(run: Extract<Run, { at: "launching" | "working" }>, fact: Extract<Fact, { is: "paused" }>): Run {
  const { pins, stand, slot } = run;
  return { at: "waiting", pins, stand, slot, pause: fact.pause, earlier: earlierOf(run, fact.pause, fact.atMs) };
}

function sendOn(run: Extract<Run, { at: "preparing" }>, needs: string[]): Run {
  const { stand, earlier } = run;
  const pins = { ...run.pins, needs };
  const { uid: _, ...slot } = run.slot;
  if (!earlier) return { at: "queued", pins, stand };
  return { at: "waiting", pins, stand, slot, pause: { why: "machine", untilMs: 0 }, earlier, afresh: true };
}

function move(run: Run, atMs: number): Run {
  const move = decideMove(run, atMs);
  if (move.is === "stays" || !("stand" in run) || !run.stand || !("pins" in run) || !run.pins) return run;
  const { pins, stand } = run;
  if (move.is === "queued") return { at: "queued", pins, stand };
  const { uid: _, ...slot }: Left = ("slot" in run && run.slot) || {};
  if (move.is === "ended") return { at: "closing", pins, stand, slot, ending: move.ending };
  // What it waits for still was counted when it began to wait, and it has not been in a sandbox since.
  const stillWaits = run.at === "waiting" && move.pause === run.pause;
  const earlier = stillWaits ? run.earlier : earlierOf(run, move.pause, atMs);
  return { at: "waiting", pins, stand, slot, pause: move.pause, earlier, afresh: true };
}

/** Ends a run that is without an agent. What an earlier sandbox of it has pushed is looked at and kept first. */
function leave(run: Run, because: Ending): Run {
  if (!("earlier" in run) || run.earlier === undefined) return close(run, because);
  const { pins, stand, slot } = run;
  // Its old sandbox could not be put away: it is stopped like any other, which saves what is in it.
  if (run.at === "waiting" && slot.uid !== undefined)
    return { at: "stopping", pins, stand, slot: { ...slot, uid: slot.uid }, because };
  return { at: "inspecting", pins, stand, slot, agentExit: 0, because };
}

function close(run: Run, ending: Ending): Extract<Run, { at: "closing" }> {
  return {
    at: "closing",
    ending,
    ...("pins" in run && run.pins && { pins: run.pins }),
    ...("stand" in run && run.stand && { stand: run.stand }),
    ...("slot" in run && run.slot && { slot: run.slot }),
  };
}

/** A limit that the sandbox ran into explains an agent that failed. One that was run into and mended is no failure. */
function reasonOfEnd(fact: { exitCode: number; oomKilled: boolean }, met: readonly Met[]): { because?: Ending } {
  if (fact.exitCode === 0) return {};
  const [first] = (["memory", "disk", "inodes", "processes"] as const).filter(
    (limit) => met.includes(limit) || (limit === "memory" && fact.oomKilled),
  );
  return first === undefined ? {} : { because: { outcome: "failed", reason: ranInto[first] } };
}

function notSealed(failed: string[]): Ending {
  return {
    outcome: "failed",
    reason: {
      code: "sandbox.not-sealed",
      words: `The sandbox did not pass its checks, so the agent was not started: ${failed.join(", ")}.`,
      remedy: "The run's page shows what was seen. The operator must mend the host or the image before agents can run.",
    },
  };
}

/** The sandbox's entrypoint, where the agent was done and the push of its work failed. */
const notSavedCode = 75;

function agentFailed(exitCode: number): Ending {
  if (exitCode === notSavedCode)
    return {
      outcome: "failed",
      reason: {
        code: "sandbox.work-not-saved",
        words:
          "The agent was done, and its work could not be brought out of the sandbox: it removed its working tree, or the push to its own repository failed.",
        remedy: "The run's page has the agent's last words and what the gateway refused. Set the label again to retry.",
      },
    };
  if (killedCodes.includes(exitCode))
    return {
      outcome: "failed",
      reason: {
        code: "agent.killed",
        words: `The agent was ended from outside (exit code ${exitCode}): the machine or the Docker engine was stopped or restarted, or somebody ended the container.`,
        remedy: "Set the label again to retry. What it had saved by then is on the run's page.",
      },
    };
  return {
    outcome: "failed",
    reason: {
      code: "agent.failed",
      words: `The agent ended with exit code ${exitCode}.`,
      remedy: "The run's page has its last words. Set the label again to retry.",
    },
  };
}

const ranInto: Readonly<Record<Exclude<Met, "cpus">, Reason>> = {
  memory: {
    code: "sandbox.out-of-memory",
    words: "The sandbox ran out of memory.",
    remedy: "Raise AIRLOCK_MEMORY, or ask for smaller work.",
  },
  disk: {
    code: "sandbox.disk-full",
    words: "The sandbox's disk was full when the agent failed.",
    remedy: "Raise AIRLOCK_DISK, or ask for smaller work.",
  },
  inodes: {
    code: "sandbox.out-of-files",
    words: "The sandbox's disk held as many files and folders as it may when the agent failed.",
    remedy: "Raise AIRLOCK_INODES, or ask for smaller work.",
  },
  processes: {
    code: "sandbox.out-of-processes",
    words: "The agent failed after its sandbox had reached its number of processes.",
    remedy: "Raise AIRLOCK_PIDS, or ask for work that starts fewer.",
  },
};
