import type { RunView, RunViewState } from "./view.ts";
import { printLine } from "./visible.ts";

/** Decides the colour of a run: what needs nobody's eye is calm. */
export type Tone = "waiting" | "busy" | "good" | "neutral" | "attention" | "bad";

export function decideTone(state: RunViewState): Tone {
  if (state.at !== "ended") return waits.has(state.at) ? "waiting" : state.at === "held" ? "attention" : "busy";
  return outcomes[state.outcome ?? ""]?.tone ?? "neutral";
}

/** One or two words for badges, titles and tables. */
export function printShortState(state: RunViewState): string {
  if (state.at !== "ended") return shortWords[state.at] ?? printLine(state.at);
  return outcomes[state.outcome ?? ""]?.short ?? "Ended";
}

/** What happens next, in one sentence. Undefined for a state that this page does not know. */
export function findNextWords(view: RunView): string | undefined {
  if (view.state.next) return view.state.next;
  if (view.state.at !== "ended") return nextWords[view.state.at];
  if (view.state.outcome === "succeeded" && view.pullRequest)
    return `Pull request #${view.pullRequest.number} waits for your review.`;
  return outcomes[view.state.outcome ?? ""]?.next;
}

const waits = new Set(["accepted", "announcing", "queued", "waiting"]);

const shortWords: Record<string, string> = {
  accepted: "Accepted",
  announcing: "Accepted",
  queued: "Queued",
  waiting: "Waiting",
  preparing: "Preparing",
  sealing: "Checking the sandbox",
  launching: "Starting",
  working: "Working",
  stopping: "Stopping",
  inspecting: "Inspecting",
  publishing: "Publishing",
  presenting: "Publishing",
  held: "Held",
  closing: "Finishing",
};

const nextWords: Record<string, string> = {
  accepted: "Next, Airlock asks GitHub whether the person who asked may write to this repository.",
  announcing: "Next, the run gets its check run and its place in the queue.",
  queued: "It starts as soon as a place on this machine is free.",
  waiting: "It goes on by itself, with the agent's session as it was.",
  preparing: "Next, a sandbox without a network is made for it.",
  sealing: "The agent starts only when every check of the sandbox has passed.",
  launching: "The agent is about to read the task.",
  working: "When the agent is done, its work is inspected before anything leaves the sandbox.",
  stopping: "The sandbox is being ended; nothing more leaves it.",
  inspecting: "Next, the work is rebuilt as commits of Airlock's own and pushed to one branch.",
  publishing: "Next, the branch becomes a pull request.",
  presenting: "The pull request is being written.",
  held: "A person with write access decides whether it is published.",
  closing: "The sandbox is being removed and the tokens revoked.",
};

const outcomes: Record<string, { tone: Tone; short: string; next: string }> = {
  succeeded: { tone: "good", short: "Succeeded", next: "The work is on its branch." },
  no_changes: { tone: "neutral", short: "No changes", next: "Nothing was pushed. The agent's answer is below." },
  refused: { tone: "bad", short: "Refused", next: "Nothing was pushed. The reason says what stood in the way." },
  failed: { tone: "bad", short: "Failed", next: "Set the label again, or comment /agent fix, to try once more." },
  timed_out: {
    tone: "attention",
    short: "Timed out",
    next: "Set the label again to try once more, or ask for something smaller.",
  },
  cancelled: { tone: "neutral", short: "Cancelled", next: "Set the label again to start anew." },
  over_budget: { tone: "bad", short: "Over budget", next: "An operator can raise the budget; then set the label again." },
};
