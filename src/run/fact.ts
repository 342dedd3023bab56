import type { SandboxCheck } from "./check.ts";
import type { Sha } from "./identity.ts";
import type { Isolation } from "./isolation.ts";
import type { RunLimits } from "./limits.ts";
import type { Met } from "./met.ts";
import type { Reason } from "./outcome.ts";
import type { PathRule } from "./path-rule.ts";
import type { Pins } from "./request.ts";
import type { Ending, Passage, PullRequestRef, Slot, Stand } from "./state.ts";
import type { Pause } from "./waiting.ts";

/** What was done to the text that the agent was given: what was taken out, and words in it that look like others. */
interface Cleaning {
  removed: string[];
  lookAlikes?: string[];
}

/** Something that happened. Stored with the state that it led to, in one transaction: the run's timeline is the list of its facts. */
export type Fact =
  | { is: "pinned"; pins: Pins }
  | { is: "refused"; reason: Reason }
  /** `untold`: what GitHub refused to be told, a sentence each. */
  | { is: "announced"; stand: Stand; untold?: string[] }
  | { is: "slot-taken"; slot: Slot }
  /** This machine has not what the repository's own settings ask for: one that has takes it. */
  | { is: "sent-on"; needs: string[] }
  /** `told`: what the repository asked for and is not given, a sentence each. `paths`: its rules for the work. */
  | ({ is: "prepared"; promptBytes: number; limits?: RunLimits; told?: string[]; paths?: readonly PathRule[] } & Cleaning)
  /** `isolation`: absent in runs of earlier versions, and where no sandbox was made. */
  | { is: "sealed"; checks: SandboxCheck[]; isolation?: Isolation }
  | { is: "not-sealed"; checks: SandboxCheck[]; failed: string[]; isolation?: Isolation }
  | { is: "launched"; atMs: number; deadlineAtMs: number }
  /** The agent was told to change its approach, or to finish. */
  | { is: "nudged"; why: "stall" | "loop"; call?: string; words: string; atMs: number }
  /** A limit was run into. */
  | { is: "limit-met"; limit: Met }
  | { is: "agent-ended"; exitCode: number; oomKilled: boolean }
  /** Its sandbox goes, and it does not: see run/waiting.ts. */
  | { is: "paused"; pause: Pause; atMs: number }
  /** The old sandbox is gone and its place free; home, working tree and session are kept. */
  | { is: "put-away" }
  /** From a machine that was not heard of for too long: see run/move.ts. */
  | { is: "moved"; atMs: number }
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
  /** `untold`: as above. */
  | { is: "closed"; untold?: string[] };
