import type { Outcome } from "../run/outcome.ts";
import type { Run } from "../run/state.ts";

/** One short sentence for people. `position`: place in the queue, from 1; 0 when the run does not wait. */
export function stateWords(run: Run, position = 0): string {
  switch (run.at) {
    case "accepted":
    case "announcing":
      return "The run has been recorded and is about to start.";
    case "queued":
      return position > 1 ? `Waiting for a free place: number ${position} in the queue.` : "Next in the queue.";
    case "preparing":
      return "Fetching the repository.";
    case "sealing":
      return "Building the sandbox and verifying that it is sealed.";
    case "launching":
    case "working":
      return "The agent is at work in its sealed sandbox.";
    case "stopping":
      return "The agent is being stopped.";
    case "inspecting":
      return "The work is being inspected.";
    case "held":
      return "Held: a person decides whether the work is published.";
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
