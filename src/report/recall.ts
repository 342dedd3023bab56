import { type Api, statusOf } from "../github/api.ts";
import { parseSha, type RunId } from "../run/identity.ts";
import { recalledCode } from "../run/outcome.ts";
import type { Ending, PullRequestRef } from "../run/state.ts";
import { findOwnComment } from "./comment.ts";
import { parseEndMark } from "./end-mark.ts";

/** How a run ended of whose end the store does not know. */
export interface Recalled {
  ending: Ending;
  pullRequest?: PullRequestRef;
}

/**
 * Asks GitHub whether this run has ended already, in a life of this App that the store has forgotten: a data folder that was put back, or
 * the last seconds before a power cut. Told by the run's own comment; whoever may edit that may start and stop runs anyway.
 */
export async function recallEnd(
  api: Api,
  at: { botId: number; owner: string; repo: string; number: number; run: RunId; sinceMs: number },
): Promise<Recalled | undefined> {
  const comment = await findOwnComment(api, at);
  const end = comment && parseEndMark(comment.body);
  if (!end) return undefined;
  const pullRequest = end.pull === undefined ? undefined : await readPull(api, { ...at, pull: end.pull });
  return { ending: { outcome: end.outcome, reason: forgotten }, ...(pullRequest && { pullRequest }) };
}

const forgotten = {
  code: recalledCode,
  words:
    "It ended before the data folder was put back to an earlier state; its check, comment and pull request on GitHub tell how.",
};

async function readPull(api: Api, at: { owner: string; repo: string; pull: number }): Promise<PullRequestRef | undefined> {
  try {
    const { data } = await api.rest.pulls.get({ owner: at.owner, repo: at.repo, pull_number: at.pull });
    const head = parseSha(data.head.sha);
    return head && { number: data.number, url: data.html_url, head };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
