import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import type { Api } from "../github/api.ts";
import type { GrantScope, Grants } from "../github/grant.ts";
import { mayRun, readPermission } from "../github/permission.ts";
import { ensureLabelExists, ensureNoLabel } from "../report/label.ts";
import { recallEnd } from "../report/recall.ts";
import { stateWords } from "../report/state-words.ts";
import type { RunId } from "../run/identity.ts";
import { labels } from "../run/labels.ts";
import type { RunRequest } from "../run/request.ts";
import { isServedAccount } from "../settings/accounts.ts";
import { fileCommand } from "../store/queries/commands.ts";
import { addEdit } from "../store/queries/edits.ts";
import { addHead } from "../store/queries/places.ts";
import { addEndedRun, addRun, findActiveRun, findRun, queuePosition, type RunRow } from "../store/queries/runs.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import { answerOnce, helpWords, react, refuse } from "./answer.ts";
import { findUnseenEdit, unseenEditWords } from "./edited.ts";
import type { Asked, Trigger } from "./parse.ts";
import { findRerun } from "./rerun.ts";
import { filePress, fileWord, findPressed } from "./word.ts";

export interface TriggerParts {
  db: Kysely<Schema>;
  queue: Queue;
  grants: Grants;
  /** Whose installations may run. */
  accounts: readonly string[];
  /** Whoever asked for a run may not release what it holds. */
  releaseByOthers: boolean;
  /** The same for the same cause, so that a store that has forgotten a run finds again what it made on GitHub. */
  newRun(causeKey: string): { id: RunId; pageKey: string };
  /** Of the App's bot user. */
  botId: number;
  pageUrl(pageKey: string): string;
  nowMs(): number;
}

/**
 * `receivedAtMs`: when the delivery came; `fromLog`: it was found in GitHub's log, and may have been handled before. Carries out what a delivery asks for; answers what came of it, for the delivery's note. Safe to repeat after a crash at any point.
 * Throws where GitHub or the store cannot be reached: the delivery then stays waiting.
 */
export async function handleTrigger(
  parts: TriggerParts,
  trigger: Trigger,
  { receivedAtMs, fromLog = false }: { receivedAtMs: number; fromLog?: boolean },
): Promise<string> {
  if (trigger.kind === "ignored") return `ignored: ${trigger.why}`;
  if (trigger.kind === "edit") {
    await addEdit(parts.db, trigger.edit);
    return "noted who changed the issue's text";
  }
  if (trigger.kind === "head") {
    await addHead(parts.db, trigger);
    return "noted where the pull request's head is";
  }
  const account =
    trigger.kind === "installed" ? { id: trigger.accountId, login: trigger.accountLogin } : accountOf(trigger.asked);
  if (!isServedAccount(parts.accounts, account)) return `ignored: ${account.login} is not among AIRLOCK_ACCOUNTS`;
  switch (trigger.kind) {
    case "installed":
      return prepareRepositories(parts, trigger);
    case "rerun":
      return rerun(parts, trigger, receivedAtMs);
    case "button":
      return press(parts, trigger);
    default: {
      await using doorman = await parts.grants.mint("doorman", scopeOfAsked(trigger.asked));
      // Awaited here: the token is revoked when this block is left.
      return await answer(parts, doorman.api, trigger, fromLog);
    }
  }
}

function accountOf(asked: { accountId: number; accountLogin: string }): { id: number; login: string } {
  return { id: asked.accountId, login: asked.accountLogin };
}

function scopeOfAsked(asked: Omit<Asked, "subject">): GrantScope {
  return {
    installationId: asked.installationId,
    repositoryId: asked.repositoryId,
    repository: `${asked.owner}/${asked.name}`,
    run: undefined,
  };
}

async function answer(
  parts: TriggerParts,
  api: Api,
  trigger: Extract<Trigger, { kind: "run" | "stop" | "word" | "answer" }>,
  fromLog: boolean,
): Promise<string> {
  const { asked } = trigger;
  const permission = await readPermission(api, { owner: asked.owner, repo: asked.name, ...asked.requester });
  if (!mayRun(permission)) {
    // Whoever may close an issue is GitHub's business; whoever may end a run by it is ours.
    if (trigger.kind === "stop" && trigger.how !== "comment") return `ignored: ${asked.requester.login} has ${permission} access`;
    await refuse(
      api,
      parts,
      asked,
      "Airlock only works for people with write access to this repository, so nothing was started.",
    );
    return `refused: ${asked.requester.login} has ${permission} access`;
  }
  switch (trigger.kind) {
    case "run":
      return startRun(parts, api, trigger, fromLog);
    case "stop":
      return stopRun(parts, api, trigger);
    case "word":
      return fileWord(parts, api, trigger);
    case "answer":
      return tell(parts, api, trigger);
  }
}

async function startRun(
  parts: TriggerParts,
  api: Api,
  { asked, request, causeKey }: Extract<Trigger, { kind: "run" }>,
  fromLog: boolean,
): Promise<string> {
  const named = { ...parts.newRun(causeKey), causeKey, request, nowMs: parts.nowMs() };
  if (fromLog && (await recordForgotten(parts, api, named))) return `run ${named.id}`;
  const editor = await findUnseenEdit(parts, api, { request, causeKey });
  if (editor !== undefined) return askAgain(parts, api, { asked, request, causeKey, editor });
  const added = await addRun(parts.db, parts.queue, named);
  if (added.is === "added") {
    await react(api, asked, "eyes");
    return `run ${added.run}`;
  }
  // The same note as the first time: it is how a run's delivery is found.
  if (added.is === "duplicate") return `run ${added.run}`;
  await react(api, asked, "confused");
  if (asked.commentId !== undefined) await answerOnce(api, parts, asked, busyWords(await findRun(parts.db, added.run)));
  return `busy with run ${added.run}`;
}

/** A run that has ended already, in a life that this store has forgotten, is written down as it ended and not begun again. */
async function recordForgotten(
  parts: TriggerParts,
  api: Api,
  named: Omit<Parameters<typeof addEndedRun>[1], "ended">,
): Promise<boolean> {
  const { owner, name: repo, subject, askedAtMs } = named.request;
  const at = { botId: parts.botId, owner, repo, number: subject.number, run: named.id, sinceMs: askedAtMs };
  const ended = await recallEnd(api, at);
  if (ended) await addEndedRun(parts.db, { ...named, ended });
  return ended !== undefined;
}

/** The label is taken away, so that setting it again means something; for a comment the next one does. */
async function askAgain(
  parts: TriggerParts,
  api: Api,
  { asked, request, causeKey, editor }: { asked: Asked; request: RunRequest; causeKey: string; editor: string },
): Promise<string> {
  await react(api, asked, "confused");
  if (asked.commentId === undefined)
    await ensureNoLabel(api, { owner: asked.owner, repo: asked.name, number: asked.subject.number }, labels.ask);
  await answerOnce(api, parts, asked, unseenEditWords(editor, request), causeKey);
  return `asked again: ${editor} changed the issue shortly before`;
}

function busyWords(run: RunRow | undefined): string {
  return run?.state.at === "held"
    ? "A run holds its work here and waits for `/agent publish` or `/agent discard`. Then ask again."
    : "A run is at work here already. `/agent stop` ends it; then ask again.";
}

async function stopRun(parts: TriggerParts, api: Api, { asked, how, atMs }: Extract<Trigger, { kind: "stop" }>): Promise<string> {
  const active = await findActiveRun(parts.db, asked.repositoryId, asked.subject.number);
  // Delivered late, or replayed: it was about a run that has ended since.
  if (active && isOlderThan(active.request, atMs)) return `ignored: run ${active.id} was asked for after this`;
  if (!active) {
    if (how === "comment") await react(api, asked, "confused");
    return "no run to stop";
  }
  await fileCommand(parts.db, parts.queue, {
    run: active.id,
    command: { kind: "stop", by: asked.requester.login, how },
    nowMs: parts.nowMs(),
  });
  if (how === "comment") await react(api, asked, "+1");
  return `asked run ${active.id} to stop`;
}

/** A re-run's time is by our clock, all others by GitHub's whole seconds: allow for what the two may differ. */
function isOlderThan({ cause, askedAtMs }: RunRequest, atMs: number): boolean {
  return atMs < askedAtMs - (cause.kind === "rerun" ? 5 * 60_000 : 0);
}

async function tell(
  parts: TriggerParts,
  api: Api,
  { asked, command, word }: Extract<Trigger, { kind: "answer" }>,
): Promise<string> {
  if (command === "help") await answerOnce(api, parts, asked, helpWords);
  if (command === "unknown")
    await answerOnce(api, parts, asked, `Airlock has no command \`${word.replaceAll(/[^\w-]/g, "?")}\`.\n\n${helpWords}`);
  if (command === "status") {
    const active = await findActiveRun(parts.db, asked.repositoryId, asked.subject.number);
    const words = active
      ? `${stateWords(active.state, await queuePosition(parts.db, active))} [See the run](${parts.pageUrl(active.pageKey)}).`
      : "No run is at work here.";
    await answerOnce(api, parts, asked, words);
  }
  return `answered ${command}`;
}

async function rerun(parts: TriggerParts, trigger: Extract<Trigger, { kind: "rerun" }>, receivedAtMs: number): Promise<string> {
  const former = await findRerun(parts.db, trigger);
  if (!former) return "ignored: no run of ours has this check";
  const asked: Asked = { ...trigger.asked, subject: former.request.subject };
  await using doorman = await parts.grants.mint("doorman", scopeOfAsked(asked));
  const permission = await readPermission(doorman.api, { owner: asked.owner, repo: asked.name, ...asked.requester });
  if (!mayRun(permission)) return `refused: ${asked.requester.login} has ${permission} access`;
  // Authorised anew: the one who pressed is the one who asks. What was asked stays as it was signed then; names and installation are
  // today's, since repositories are renamed and Apps installed anew.
  const request = {
    ...former.request,
    installationId: asked.installationId,
    accountId: asked.accountId,
    owner: asked.owner,
    name: asked.name,
    requester: asked.requester,
    cause: { kind: "rerun", checkRunId: trigger.checkRunId ?? 0 } as const,
    // The payload has no time of the press. Handling may come much later, and what was pushed until then was not looked at.
    askedAtMs: receivedAtMs,
  };
  const added = await addRun(parts.db, parts.queue, {
    ...parts.newRun(`${trigger.causeKey}:${former.id}`),
    causeKey: `${trigger.causeKey}:${former.id}`,
    request,
    nowMs: parts.nowMs(),
  });
  return added.is === "added" ? `run ${added.run}` : `not run again: ${added.is}`;
}

async function press(parts: TriggerParts, trigger: Extract<Trigger, { kind: "button" }>): Promise<string> {
  const run = await findPressed(parts.db, trigger);
  if (!run) return "ignored: no held run of ours has this check";
  const asked: Asked = { ...trigger.asked, subject: run.request.subject };
  await using doorman = await parts.grants.mint("doorman", scopeOfAsked(asked));
  const permission = await readPermission(doorman.api, { owner: asked.owner, repo: asked.name, ...asked.requester });
  if (!mayRun(permission)) return `refused: ${asked.requester.login} has ${permission} access`;
  return await filePress(parts, doorman.api, { run, asked, word: trigger.word });
}

async function prepareRepositories(parts: TriggerParts, trigger: Extract<Trigger, { kind: "installed" }>): Promise<string> {
  for (const { id, fullName } of trigger.repositories) {
    const [owner, repo] = fullName.split("/");
    if (!owner || !repo)
      throw new Fault("github.answer", "GitHub named a repository without its owner", { remedy: "Report this" });
    await using doorman = await parts.grants.mint("doorman", {
      installationId: trigger.installationId,
      repositoryId: id,
      repository: fullName,
      run: undefined,
    });
    const description = "Ask Airlock to work on this issue";
    await ensureLabelExists(doorman.api, { owner, repo, name: labels.ask, color: "5319e7", description });
    await ensureLabelExists(doorman.api, {
      owner,
      repo,
      name: labels.working,
      color: "fbca04",
      description: "Airlock is at work; take the label away to stop it",
    });
  }
  return `prepared ${trigger.repositories.length} repositories`;
}
