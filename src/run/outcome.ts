/** How a run ended. Decided from git, the gateway and exit states, never from what the agent prints. */
export type Outcome = "succeeded" | "no_changes" | "refused" | "failed" | "timed_out" | "cancelled" | "over_budget";

export type Conclusion = "success" | "neutral" | "failure" | "cancelled" | "timed_out" | "action_required";

/** GitHub's conclusion for a check run, by outcome. `held` is action_required: it is a state, not an outcome. */
export function conclusionOf(outcome: Outcome): Conclusion {
  switch (outcome) {
    case "succeeded":
      return "success";
    case "no_changes":
      return "neutral";
    case "cancelled":
      return "cancelled";
    case "timed_out":
      return "timed_out";
    case "refused":
    case "failed":
    case "over_budget":
      return "failure";
  }
}

/** Why, for people: a stable code, one sentence, and what to do about it. */
export interface Reason {
  code: string;
  words: string;
  remedy?: string;
}

/** The reason's code where an end was learned from GitHub, since the store had forgotten it. */
export const recalledCode = "run.recalled";
