import type { Sha } from "./identity.ts";
import type { RunLimits } from "./limits.ts";
import type { Met } from "./met.ts";
import type { Outcome, Reason } from "./outcome.ts";
import type { Nudge } from "./pace.ts";
import type { PathRule } from "./path-rule.ts";
import type { Pins } from "./request.ts";
import type { Earlier, Pause } from "./waiting.ts";

/** Where the run shows itself on GitHub. */
export interface Stand {
  branch: string;
  /** The commit that carries the check run: our start commit for an issue, the head for a pull request. */
  sha: Sha;
  /** True where `sha` is an empty commit of ours that publishing replaces. */
  startCommit: boolean;
  checkRunId: number;
  /** Absent where GitHub did not take a comment. */
  commentId?: number;
}

/** What a run works under, whatever the settings say later. */
export interface Terms {
  /** How the sandbox meets the network, whatever the settings say later. Absent in runs of earlier versions: sealed. */
  mode?: "sealed" | "firewalled";
  /** What the run may use: the operator's limits of that hour, lowered by the repository. Absent in runs of earlier versions. */
  limits?: RunLimits;
  /** What the repository's own settings said of paths when the run was prepared. */
  paths?: readonly PathRule[];
}

/** A place in the engine: which uid the sandbox runs under. */
export interface Slot extends Terms {
  uid: number;
}

/** The same where the place may have been given up already. */
export interface Left extends Terms {
  uid?: number;
}

/** The truth of a run. Only `evolve` makes the next one. */
export type Run =
  | { at: "accepted" }
  | { at: "announcing"; pins: Pins }
  | { at: "queued"; pins: Pins; stand: Stand }
  | ({ at: "preparing"; pins: Pins; stand: Stand; slot: Slot } & Again)
  | ({ at: "sealing"; pins: Pins; stand: Stand; slot: Slot } & Again)
  | ({ at: "launching"; pins: Pins; stand: Stand; slot: Slot } & Again)
  | ({ at: "working"; pins: Pins; stand: Stand; slot: Slot; startedAtMs: number; deadlineAtMs: number } & Course & Again)
  | Waiting
  | { at: "stopping"; pins: Pins; stand: Stand; slot: Slot; because: Ending }
  | { at: "inspecting"; pins: Pins; stand: Stand; slot: Left; agentExit: number; because?: Ending }
  | Held
  | ({ at: "publishing"; pins: Pins; stand: Stand; slot?: Left; tip: Sha; rebuilt: Sha } & Passage)
  | ({ at: "presenting"; pins: Pins; stand: Stand; slot?: Left; rebuilt: Sha } & Passage)
  /** `told`: GitHub shows the end already, better than this store could tell it. */
  | { at: "closing"; pins?: Pins; stand?: Stand; slot?: Left; ending: Ending; pullRequest?: PullRequestRef; told?: true }
  | { at: "ended"; stand?: Stand; ending: Ending; pullRequest?: PullRequestRef };

/** Begun, and without a sandbox for a while: its volume and its repository stay. It holds a place only until its sandbox is put away. */
export interface Waiting {
  at: "waiting";
  pins: Pins;
  stand: Stand;
  /** With a uid while the old sandbox is still there. */
  slot: Left;
  pause: Pause;
  earlier: Earlier;
  /** Its machine is lost, and volume and repository with it: the next one prepares it anew. */
  afresh?: true;
}

/** What a run that goes on in another sandbox brings with it. */
export interface Again {
  earlier?: Earlier;
  pausedFor?: Pause["why"];
}

/** Inspected, and waiting for a person's word. The slot goes as soon as the sandbox has; the run's repository stays. */
export type Held = {
  at: "held";
  pins: Pins;
  stand: Stand;
  slot?: Left;
  tip: Sha;
  rebuilt: Sha;
  why: Reason[];
  heldUntilMs: number;
  /** Held again for reasons that came after a word: so many commands were about the earlier ones, and decide nothing any more. */
  heard?: number;
  /** GitHub does not show the newest reasons yet. */
  untold?: true;
} & Passage;

/** What there is to know of an agent's work while it goes on. */
export interface Course {
  /** What it has been told, oldest first. */
  nudges?: readonly Nudge[];
  /** Limits that it ran into. */
  met?: readonly Met[];
}

/** How inspected work leaves. */
export interface Passage {
  /** The pull request is opened as a draft. */
  draft?: true;
  /** It changes workflow files, which the operator allows: the push needs that permission as well. */
  workflows?: true;
}

export interface Ending {
  outcome: Outcome;
  reason?: Reason;
}

export interface PullRequestRef {
  number: number;
  url: string;
  head: Sha;
}

export type Place = Run["at"];
