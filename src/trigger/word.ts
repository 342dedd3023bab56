import type { Kysely } from "kysely";
import type { Api } from "../github/api.ts";
import { isCommit, parseRunId } from "../run/identity.ts";
import { fileCommand } from "../store/queries/commands.ts";
import { factsOf } from "../store/queries/facts.ts";
import { findActiveRun, findRun, type RunRow } from "../store/queries/runs.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import { answerOnce, react } from "./answer.ts";
import type { Asked, Trigger } from "./parse.ts";

export interface WordParts {
  db: Kysely<Schema>;
  queue: Queue;
  /** The one who asked for the run may not release it: a second pair of eyes. */
  releaseByOthers: boolean;
  botId: number;
  nowMs(): number;
}

/** GitHub's whole seconds, and what its clock and ours may differ by. */
const clockMs = 5_000;

/** Files a comment's decision on what a run holds. The person may write here: that has been looked up. */
export async function fileWord(parts: WordParts, api: Api, trigger: Extract<Trigger, { kind: "word" }>): Promise<string> {
  const { asked, word } = trigger;
  const run = await findActiveRun(parts.db, asked.repositoryId, asked.subject.number);
  const no = await findObjection(parts, run, { ...trigger, by: asked.requester });
  if (no !== undefined || run?.state.at !== "held") {
    await react(api, asked, "confused");
    await answerOnce(api, parts, asked, no ?? notHeld);
    return `not filed: ${no ?? notHeld}`;
  }
  await file(parts, run, { word, by: asked.requester.login, how: "comment" });
  await react(api, asked, "+1");
  return `asked run ${run.id} to ${word}`;
}

/** The run whose button was pressed. An external id is only a hint: it must lead to a held run of this repository, and to its own check. */
export async function findPressed(
  db: Kysely<Schema>,
  trigger: Extract<Trigger, { kind: "button" }>,
): Promise<RunRow | undefined> {
  const id = parseRunId(trigger.externalId);
  const run = id && (await findRun(db, id));
  if (run?.state.at !== "held" || run.request.repositoryId !== trigger.asked.repositoryId) return undefined;
  return run.state.stand.checkRunId === trigger.checkRunId ? run : undefined;
}

export async function filePress(
  parts: WordParts,
  api: Api,
  press: { run: RunRow; asked: Asked; word: "publish" | "discard"; atMs: number },
): Promise<string> {
  const { run, asked, word, atMs } = press;
  const no = await findObjection(parts, run, { word, commit: "", by: asked.requester, atMs });
  if (no !== undefined) {
    // A press has no comment of its own by which its answer would be known: it is handled again where the end of its handling failed.
    await answerOnce(api, parts, asked, no, `press:${run.id}:${atMs}`);
    return `not filed: ${no}`;
  }
  await file(parts, run, { word, by: asked.requester.login, how: "button" });
  return `asked run ${run.id} to ${word}`;
}

async function file(
  parts: WordParts,
  run: RunRow,
  { word, by, how }: { word: "publish" | "discard"; by: string; how: "comment" | "button" },
): Promise<void> {
  if (run.state.at !== "held") return;
  // With the commit that was shown: the reconciler takes a word on that one only.
  const command = { kind: word, by, how, sha: run.state.rebuilt };
  await fileCommand(parts.db, parts.queue, { run: run.id, command, nowMs: parts.nowMs() });
}

const notHeld = "No work is held here, so there is nothing to publish or to discard.";

/** Why the word does not count, as the person is told; undefined where it does. */
async function findObjection(
  parts: WordParts,
  run: RunRow | undefined,
  of: { word: "publish" | "discard"; commit: string; by: { id: number }; atMs: number },
): Promise<string | undefined> {
  if (run?.state.at !== "held") return notHeld;
  const held = run.state.rebuilt;
  if (of.commit !== "" && !isCommit(held, of.commit))
    return `The held work is commit ${held}, not the one that was named: look at the run's page again.`;
  const shown = (await factsOf(parts.db, run.id)).findLast(({ fact }) => fact.is === "held" || fact.is === "held-again");
  // No allowance where it is held again: whoever spoke a moment before has not seen for what.
  if (shown && of.atMs < shown.atMs - (shown.fact.is === "held" ? clockMs : 0))
    return "That was said before what is held now was shown, so it was about something else. Look at the run's page and say it again.";
  if (of.word === "publish" && parts.releaseByOthers && of.by.id === run.request.requester.id)
    return "Whoever asked for the work may not release it here: another person with write access must look at it.";
  return undefined;
}
