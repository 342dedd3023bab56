import type { Ending, PullRequestRef } from "../run/state.ts";

/** ◆ What the run's comment says of its end to Airlock itself, unseen by people: a store that was put back to an earlier state learns it from there. */
export function printEndMark(end: { ending: Ending; pullRequest?: Pick<PullRequestRef, "number"> }): string {
  const pull = end.pullRequest ? ` pull=${end.pullRequest.number}` : "";
  return `<!-- airlock:end=${end.ending.outcome}${pull} -->`;
}

const shape = /<!-- airlock:end=(succeeded|no_changes|refused|failed|timed_out|cancelled|over_budget)(?: pull=(\d{1,9}))? -->$/;

/** Undefined where the run had not ended when the comment was last written. */
export function parseEndMark(body: string): { outcome: Ending["outcome"]; pull?: number } | undefined {
  const found = shape.exec(body.trimEnd());
  if (!found) return undefined;
  const outcome = found[1] as Ending["outcome"];
  return { outcome, ...(found[2] && { pull: Number(found[2]) }) };
}
