import type { Kysely } from "kysely";
import { type Api, statusOf } from "../github/api.ts";
import { findOwnComment } from "../report/comment.ts";
import { ensureNoLabel } from "../report/label.ts";
import { labels } from "../run/labels.ts";
import { countLately, dropMark, takeMark } from "../store/queries/marks.ts";
import { takeNotice } from "../store/queries/places.ts";
import type { Schema } from "../store/schema.ts";
import type { Asked } from "./parse.ts";

type Reaction = "eyes" | "-1" | "confused" | "+1";

/** Answers with a reaction on the comment, or on the issue where a label asked. GitHub keeps one of each kind: repeating is harmless. */
export async function react(api: Api, asked: Asked, content: Reaction): Promise<void> {
  const at = { owner: asked.owner, repo: asked.name, content };
  if (asked.commentId !== undefined) await api.rest.reactions.createForIssueComment({ ...at, comment_id: asked.commentId });
  else await api.rest.reactions.createForIssue({ ...at, issue_number: asked.subject.number });
}

export interface AnswerParts {
  db: Kysely<Schema>;
  /** Of the App's bot user. */
  botId: number;
  nowMs(): number;
}

/**
 * One answer to each comment that asks: a delivery is handled again where the end of its handling failed. Rather none than two, where
 * GitHub's answer was lost: the person can ask again.
 */
export async function answerOnce(
  api: Api,
  { db, ...parts }: AnswerParts,
  asked: Asked,
  body: string,
  cause: string | undefined = asked.commentId?.toString(),
): Promise<void> {
  const name = `answer:${asked.repositoryId}:${cause}`;
  if (!(await takeMark(db, name))) return;
  try {
    await comment(api, parts, { asked, body, marker: `<!-- airlock:answer=${cause ?? ""} -->` });
  } catch (error) {
    const status = statusOf(error);
    // Refused, so that it was not written: the next handling may try.
    if (status !== undefined && status < 500) await dropMark(db, name);
    throw error;
  }
}

/** What is answered comes at most three days late, from GitHub's log. */
const oldestMs = 4 * 24 * 3_600_000;

/** The marks above are lost with a data folder that is put back; what was said is still there, and is not said twice. */
async function comment(
  api: Api,
  parts: Omit<AnswerParts, "db">,
  { asked, body, marker }: { asked: Asked; body: string; marker: string },
): Promise<void> {
  const at = { owner: asked.owner, repo: asked.name, number: asked.subject.number };
  if (await findOwnComment(api, { ...at, botId: parts.botId, marker, sinceMs: parts.nowMs() - oldestMs })) return;
  await api.rest.issues.createComment({ owner: at.owner, repo: at.repo, issue_number: at.number, body: `${marker}\n${body}` });
}

/** So often within an hour somebody is told no in a repository. GitHub lets an App write some hundred times in an hour, for all its runs. */
const toldAtMost = 20;
const hourMs = 3_600_000;

/**
 * Says no: a reaction each time, and in words once for each issue and person, so that nobody can make Airlock write at will. Whoever goes on
 * and on is not answered: that would use up what the runs need to be told of.
 */
export async function refuse(api: Api, { db, ...parts }: AnswerParts, asked: Asked, words: string): Promise<void> {
  const name = `refused:${asked.repositoryId}:${asked.requester.id}`;
  const told = (await countLately(db, { name, nowMs: parts.nowMs(), spanMs: hourMs })) <= toldAtMost;
  if (told) await react(api, asked, "-1");
  // The label would stand there as if something were going to happen.
  if (asked.commentId === undefined)
    await ensureNoLabel(api, { owner: asked.owner, repo: asked.name, number: asked.subject.number }, labels.ask);
  if (told && (await takeNotice(db, asked.repositoryId, asked.subject.number, asked.requester.id)))
    await comment(api, parts, { asked, body: words, marker: `<!-- airlock:refused=${asked.requester.id} -->` });
}

export const helpWords = [
  "Airlock works on what people with write access ask for:",
  "",
  "- the label `agent` on an issue, or a comment that starts with `/agent fix`, followed by instructions if you like: an agent works on it in a sealed sandbox and opens a pull request",
  "- `/agent fix …` on a pull request of this repository: the agent pushes to that pull request",
  "- where the work is held: `/agent publish` pushes exactly what the run's page shows, `/agent discard` drops it",
  "- `/agent stop` ends the run, `/agent status` tells how it stands, `/agent help` shows this",
].join("\n");
