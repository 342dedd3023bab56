import type { Kysely } from "kysely";
import type { Api } from "../github/api.ts";
import { findOwnComment } from "../report/comment.ts";
import { recallEnd } from "../report/recall.ts";
import type { RunId } from "../run/identity.ts";
import type { RunRequest } from "../run/request.ts";
import { addEndedRun, listRecalledRuns } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

export interface ForgottenParts {
  db: Kysely<Schema>;
  /** Of the App's bot user. */
  botId: number;
}

/** What became of an ask in a life of this App that the store has forgotten. */
export type Forgotten =
  /** It was done, and is written down as it ended. */
  | { is: "ended" }
  /** It was refused, since this run was at work there when it was asked for. */
  | { is: "refused"; busyWith: RunId };

/**
 * Asks GitHub what became of an ask that was found in its log. Without that, a data folder that was put back would begin again what has
 * ended, and begin what was refused, in the place of what was at work.
 */
export async function recallAsk(
  parts: ForgottenParts,
  api: Api,
  named: Omit<Parameters<typeof addEndedRun>[1], "ended">,
): Promise<Forgotten | undefined> {
  const ended = await recallEnd(api, placeOf(parts, named));
  if (ended) {
    await addEndedRun(parts.db, { ...named, ended });
    return { is: "ended" };
  }
  const busyWith = await findBusyThen(parts, api, named.request);
  // It has a comment all the same: it was begun, and goes on.
  if (busyWith === undefined || (await findOwnComment(api, placeOf(parts, named)))) return undefined;
  return { is: "refused", busyWith };
}

async function findBusyThen(parts: ForgottenParts, api: Api, asked: RunRequest): Promise<RunId | undefined> {
  for (const run of await listRecalledRuns(parts.db, asked.repositoryId, asked.subject.number)) {
    if (asked.askedAtMs < run.request.askedAtMs) continue;
    const told = await findOwnComment(api, placeOf(parts, run));
    // By GitHub's clock, in whole seconds: of the same one, what was asked for is done.
    if (told && asked.askedAtMs < told.changedAtMs) return run.id;
  }
  return undefined;
}

/** Where the run's comment stands, if it has one. */
export function placeOf({ botId }: { botId: number }, { id, request }: { id: RunId; request: RunRequest }) {
  const { owner, name: repo, subject, askedAtMs } = request;
  return { botId, owner, repo, number: subject.number, run: id, sinceMs: askedAtMs };
}
