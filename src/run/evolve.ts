import type { Fact } from "./fact.ts";
import type { Met } from "./met.ts";
import type { Reason } from "./outcome.ts";
import type { Ending, Passage, Run } from "./state.ts";

/** The only way to a next state. A fact that does not fit the state leaves it as it is: late news never moves a run backwards. */
export function evolve(run: Run, fact: Fact): Run {
  if (run.at === "ended") return run;
  // A run that closes has its ending: what goes wrong on the way out changes neither it nor the pull request that was made.
  if (fact.is === "failed" && run.at !== "closing") return close(run, { outcome: "failed", reason: fact.reason });
  if (fact.is === "recalled" && run.at !== "closing") {
    const { ending, pullRequest } = fact;
    return { ...close(run, ending), ...(pullRequest && { pullRequest }), told: true };
  }
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
        return { ...run, at: "sealing", slot: { ...run.slot, ...(fact.limits && { limits: fact.limits }) } };
      if (fact.is === "refused") return close(run, { outcome: "refused", reason: fact.reason });
      if (fact.is === "stop-asked") return close(run, fact.ending);
      return run;
    case "sealing":
      if (fact.is === "sealed") return { ...run, at: "launching" };
      if (fact.is === "not-sealed") return close(run, notSealed(fact.failed));
      if (fact.is === "stop-asked") return close(run, fact.ending);
      return run;
    case "launching":
      if (fact.is === "launched") return { ...run, at: "working", startedAtMs: fact.atMs, deadlineAtMs: fact.deadlineAtMs };
      if (fact.is === "stop-asked") return close(run, fact.ending);
      return run;
    case "working": {
      if (fact.is === "nudged") {
        const { why, call, atMs } = fact;
        return { ...run, nudges: [...(run.nudges ?? []), { why, ...(call !== undefined && { call }), atMs }] };
      }
      if (fact.is === "limit-met") return { ...run, met: [...new Set([...(run.met ?? []), fact.limit])] };
      const { startedAtMs: _, deadlineAtMs: __, nudges: ___, met = [], ...rest } = run;
      if (fact.is === "stop-asked") return { ...rest, at: "stopping", because: fact.ending };
      if (fact.is === "agent-ended") return { ...rest, at: "inspecting", agentExit: fact.exitCode, ...reasonOfEnd(fact, met) };
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

function agentFailed(exitCode: number): Ending {
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
