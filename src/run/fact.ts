import type { SandboxCheck } from "./check.ts";
import type { Sha } from "./identity.ts";
import type { RunLimits } from "./limits.ts";
import type { Met } from "./met.ts";
import type { Reason } from "./outcome.ts";
import type { Pins } from "./request.ts";
import type { Ending, Passage, PullRequestRef, Slot, Stand } from "./state.ts";

/** Something that happened. Stored with the state that it led to, in one transaction: the run's timeline is the list of its facts. */
export type Fact =
  | { is: "pinned"; pins: Pins }
  | { is: "refused"; reason: Reason }
  | { is: "announced"; stand: Stand }
  | { is: "slot-taken"; slot: Slot }
  /** `told`: what the repository asked for and is not given, a sentence each. */
  | { is: "prepared"; promptBytes: number; removed: string[]; limits?: RunLimits; told?: string[] }
  | { is: "sealed"; checks: SandboxCheck[] }
  | { is: "not-sealed"; checks: SandboxCheck[]; failed: string[] }
  | { is: "launched"; atMs: number; deadlineAtMs: number }
  /** The agent was told to change its approach, or to finish. */
  | { is: "nudged"; why: "stall" | "loop"; call?: string; words: string; atMs: number }
  /** A limit was run into. */
  | { is: "limit-met"; limit: Met }
  | { is: "agent-ended"; exitCode: number; oomKilled: boolean }
  | { is: "stop-asked"; ending: Ending }
  | { is: "stopped"; exitCode: number }
  | ({ is: "inspected"; tip: Sha; rebuilt: Sha; commits: number; files: number } & Passage)
  /** Inspected and rebuilt like the above, and not to leave without a person's word. */
  | ({ is: "held"; tip: Sha; rebuilt: Sha; commits: number; files: number; why: Reason[]; untilMs: number } & Passage)
  /** The sandbox is gone and its place free; GitHub shows what is held. */
  | { is: "rested" }
  /** `despite`: what the CI gate said at that moment, which had been shown before. */
  | { is: "released"; by: string; despite?: string[] }
  /** Somebody released it, and by then CI would do more with it than had been shown: another word is needed. */
  | { is: "held-again"; by: string; why: Reason[]; heard: number; untilMs: number }
  | { is: "discarded"; by: string }
  | { is: "hold-expired" }
  | { is: "nothing-made" }
  | { is: "work-refused"; reason: Reason }
  | { is: "pushed"; head: Sha }
  | { is: "presented"; pullRequest: PullRequestRef }
  | { is: "failed"; reason: Reason }
  /** It had ended already, in a life that the store has forgotten; GitHub shows how. */
  | { is: "recalled"; ending: Ending; pullRequest?: PullRequestRef }
  | { is: "closed" };
