import type { Sha } from "./identity.ts";

/** What was asked, from the signed payload alone. Names and the installation may go stale: a stored run has today's (queries/homes.ts). */
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
  /** `instructions`: of the command that the run that is made again was asked for by. */
  | { kind: "rerun"; checkRunId: number; instructions?: string };

/** What was authorised: read once, by Airlock, right after the request, and held to from then on. */
export interface Pins {
  /** The branch that a pull request goes into. */
  targetBranch: string;
  /** Where the agent starts: the target's tip for an issue, the head for a pull request. */
  baseSha: Sha;
  /** Only for a pull request of the same repository: the branch that the work is pushed to. */
  headBranch?: string;
  /** That branch has a pull request already, which is no draft: people may merge it at any moment. */
  isForReview?: true;
  /** Labels that the repository's own settings ask its machine to have. Absent: any will do. */
  needs?: string[];
}
