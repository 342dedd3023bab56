import type { Sha } from "./identity.ts";

/** What was asked, from the signed payload alone. Never changes; names may go stale, ids do not. */
export interface RunRequest {
  installationId: number;
  accountId: number;
  repositoryId: number;
  owner: string;
  name: string;
  subject: Subject;
  requester: Actor;
  cause: Cause;
  /** Epoch milliseconds of the label or the comment, by GitHub's clock. What was written or pushed later was not authorised. */
  askedAtMs: number;
  title: string;
  body: string;
}

export interface Subject {
  kind: "issue" | "pull";
  number: number;
  /** GitHub's id of the issue; a pull request has an issue's id as well. */
  id: number;
}

export interface Actor {
  id: number;
  login: string;
}

export type Cause =
  | { kind: "label"; label: string }
  | { kind: "command"; commentId: number; instructions: string }
  | { kind: "rerun"; checkRunId: number };

/** What was authorised: read once, by Airlock, right after the request, and held to from then on. */
export interface Pins {
  /** The branch that a pull request goes into. */
  targetBranch: string;
  /** Where the agent starts: the target's tip for an issue, the head for a pull request. */
  baseSha: Sha;
  /** Only for a pull request of the same repository: the branch that the work is pushed to. */
  headBranch?: string;
}
