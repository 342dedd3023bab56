import type { Sha } from "./identity.ts";
import type { Met } from "./met.ts";
import type { Ending, PullRequestRef } from "./state.ts";
import type { Pause } from "./waiting.ts";

/** One idempotent effect. Plain data: logged, stored and tested as it is. Each is performed in reconcile/perform.ts. */
export type Step =
  | { do: "wait"; untilMs?: number }
  | { do: "pin" }
  | { do: "announce" }
  | { do: "take-slot" }
  | { do: "report" }
  | { do: "prepare" }
  | { do: "seal" }
  | { do: "launch" }
  | { do: "watch" }
  /** Renews what the sandbox was lent, opens its door where that is gone, and puts on record what it was refused. */
  | { do: "upkeep" }
  | { do: "nudge"; why: "stall" | "loop"; call?: string; words: string }
  | { do: "note-limit"; limit: Met }
  /** Nothing more is to be said to the agent: it may end. */
  | { do: "end-input" }
  | { do: "ask-stop"; ending: Ending }
  | { do: "stop-sandbox" }
  | { do: "end-agent"; exitCode: number; oomKilled: boolean }
  | { do: "pause"; pause: Pause }
  | { do: "put-away" }
  /** Takes the run over from a machine that is gone. */
  | { do: "move" }
  | { do: "inspect" }
  | { do: "rest" }
  | { do: "release"; by: string }
  | { do: "discard"; by: string }
  | { do: "expire" }
  | { do: "push"; tip: Sha; rebuilt: Sha }
  | { do: "present"; head: Sha }
  | { do: "fail"; code: string; words: string; remedy: string }
  | { do: "recall"; ending: Ending; pullRequest?: PullRequestRef }
  | { do: "close" };
