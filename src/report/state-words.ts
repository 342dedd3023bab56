import { printFull } from "../run/full.ts";
import type { Outcome } from "../run/outcome.ts";
import type { Run } from "../run/state.ts";
import { printUtc } from "../run/waiting.ts";
import type { Line } from "./line.ts";

/** One short sentence for people. */
export function stateWords(run: Run, { position = 0, pausedBy, lacking, full, silent }: Partial<Line> = {}): string {
  switch (run.at) {
    case "accepted":
    case "announcing":
      return "The run has been recorded and is about to start.";
    case "queued":
      if (pausedBy !== undefined) return `Paused by ${pausedBy}: it starts when that is taken back.`;
      if (lacking) return `Waiting for a machine that is labelled ${lacking.join(", ")}: none is there.`;
      if (full) return `Waiting: ${printFull(full)}. It starts by itself when there is room.`;
      return position > 1 ? `Waiting for a free place: number ${position} in the queue.` : "Next in the queue.";
    case "preparing":
      return "Fetching the repository.";
    case "sealing":
      return "Building the sandbox and verifying that it is sealed.";
    case "launching":
    case "working":
      return "The agent is at work in its sealed sandbox.";
    case "waiting":
      if (run.pause.why === "operator") return `Paused by ${run.pause.by}: it goes on when that is taken back.`;
      if (run.pause.why === "machine") return "Its machine was lost. The run begins again on another one.";
      return run.pause.why === "provider"
        ? `Waiting until ${printUtc(run.pause.untilMs)}, when the model API's limit is lifted.`
        : "The sandbox ended under the agent. The run goes on in another one.";
    case "stopping":
      return "The agent is being stopped.";
    case "inspecting":
      return "The work is being inspected.";
    case "held":
      return `Held: a person decides whether the work is published.${silent ? ` ${printSilent(silent)}` : ""}`;
    case "publishing":
    case "presenting":
      return "The inspected work is being pushed.";
    case "closing":
    case "ended":
      return outcomeWords(run.ending.outcome);
  }
}

export function outcomeWords(outcome: Outcome): string {
  switch (outcome) {
    case "succeeded":
      return "Done: the work is in the pull request.";
    case "no_changes":
      return "Done, without changes to the code.";
    case "refused":
      return "Refused.";
    case "failed":
      return "Failed.";
    case "timed_out":
      return "Timed out.";
    case "cancelled":
      return "Stopped.";
    case "over_budget":
      return "The budget is used up.";
  }
}

/** What `/agent publish` waits for. */
function printSilent({ machine, seenAtMs }: NonNullable<Line["silent"]>): string {
  const since = seenAtMs === undefined ? "" : ` since ${printUtc(seenAtMs)}`;
  return `It is on the machine ${machine}, which has not been heard of${since}: nothing is published before that is back.`;
}
