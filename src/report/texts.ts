import { printInert } from "./inert.ts";
import { outcomeWords, stateWords } from "./state-words.ts";
import type { Story } from "./story.ts";
import { printCheckOutput, printComment, printPullRequest, type Summary } from "./summary.ts";

interface At {
  pageUrl: string;
  nowMs: number;
  /** Beside what the story knows of. */
  untold?: readonly string[];
}

export function checkOf(story: Story, at: At): { title: string; summary: string } {
  return printCheckOutput(summaryOf(story, at));
}

export function commentOf(story: Story, at: At): string {
  return printComment(summaryOf(story, at));
}

export function pullRequestOf(story: Story, at: At): { title: string; body: string } {
  return printPullRequest(summaryOf(story, at));
}

function summaryOf(story: Story, { pageUrl, nowMs, untold = [] }: At): Summary {
  const { request, state } = story.run;
  const ending = "ending" in state ? state.ending : undefined;
  const pullRequest = "pullRequest" in state ? state.pullRequest : undefined;
  return {
    subject: { kind: request.subject.kind, number: request.subject.number, title: request.title },
    ...(story.mode && { mode: story.mode }),
    words: ending ? outcomeWords(ending.outcome) : stateWords(state, story),
    usage: story.usage,
    evidence: story.evidence,
    checks: story.checks,
    ...(story.isolation && { isolation: story.isolation }),
    grants: story.grants.map((grant) => ({
      duty: grant.duty,
      expiresAtMs: grant.expiresAtMs,
      ...(grant.revokedAtMs !== null && { revokedAtMs: grant.revokedAtMs }),
      ...(grant.state === "minting" && { lost: true }),
    })),
    notes: story.notes,
    limitNotes: story.limitNotes,
    exposureNotes: story.exposureNotes,
    untold: [...story.untold, ...untold],
    pageUrl,
    nowMs,
    ...(story.startedAtMs !== undefined && { spanMs: (story.agentEndedAtMs ?? nowMs) - story.startedAtMs }),
    ...(state.at === "held" && { held: { why: state.why, sha: state.rebuilt, untilMs: state.heldUntilMs } }),
    ...(ending && { outcome: ending.outcome }),
    ...(ending?.reason && { reason: ending.reason }),
    ...(pullRequest && { pullRequest: { number: pullRequest.number, url: pullRequest.url } }),
    ...(story.answer !== undefined && { answer: printInert(story.answer) }),
  };
}
