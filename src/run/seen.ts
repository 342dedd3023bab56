import type { CapReached } from "./cap.ts";
import type { Word } from "./command.ts";
import type { Full } from "./full.ts";
import type { Met } from "./met.ts";
import type { Pace } from "./pace.ts";
import type { Paused } from "./paused.ts";
import type { Ending, PullRequestRef } from "./state.ts";
import type { Upkept } from "./upkeep.ts";

/** What is out there, each thing found by the run's identity. Everything `decide` may look at besides the run and the clock. */
export interface Seen {
  /** Somebody asked to end the run: stop command, label removed, CLI, page. */
  stop?: Ending;
  /** Somebody decided on the very commit that this run holds. */
  word?: Word;
  /** GitHub says that this run has ended, in a life that the store has forgotten. */
  forgotten?: { ending: Ending; pullRequest?: PullRequestRef };
  /** What it had is on another machine, which has not been heard of for too long. */
  away?: true;
  /** A slot is free and no older run of its turn waits for it. */
  slotFree: boolean;
  /** The operator has paused its repository, or everything. */
  paused?: Paused;
  /** The machine's disk has reached its bound: what has not begun waits. */
  full?: Full;
  sandbox: { state: "absent" | "created" | "running" } | { state: "exited"; exitCode: number; oomKilled: boolean };
  /** The working run's door at the gateway. Undefined while the gateway does not answer. */
  door?: "open" | "gone";
  /** Undefined: this process has not looked after the run yet. */
  upkept?: Upkept;
  /** This process follows the sandbox's output and the gateway's record. */
  watched: boolean;
  /** The model API refused the key: the agent cannot go on, nor would a second try help. */
  keyRefused: boolean;
  /** When the provider's limit is lifted, which is reached now. Epoch milliseconds. */
  limitedUntilMs?: number;
  /** The gateway let a call of the model not pass, because the run's budget is used up. */
  overBudget?: boolean;
  /** Money that is counted over all runs: a call of the working run was refused by it, or one that waits has none to begin with. */
  overCap?: CapReached;
  /** The sandbox's output has reached its cap; the engine would rotate it away. */
  outputFull: boolean;
  /** Limits that the sandbox has run into so far. */
  met?: readonly Met[];
  /** Undefined while not everything that the agent said has been read. */
  pace?: Pace;
  /** The agent has answered, and its input is still open. */
  inputDue?: boolean;
  /** What GitHub shows is older than what is true, and the last update is long enough ago. */
  reportDue: boolean;
}
