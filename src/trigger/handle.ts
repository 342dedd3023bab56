import type { Kysely } from "kysely";
import type { Api } from "../github/api.ts";
import type { GrantScope, Grants } from "../github/grant.ts";
import { mayRun, readPermission } from "../github/permission.ts";
import { findOwnComment } from "../report/comment.ts";
import { ensureNoLabel } from "../report/label.ts";
import { type LineParts, readLine } from "../report/line.ts";
import { recallEnd } from "../report/recall.ts";
import { stateWords } from "../report/state-words.ts";
import type { RunId } from "../run/identity.ts";
import { labels } from "../run/labels.ts";
import type { RunRequest } from "../run/request.ts";
import { isServedAccount } from "../settings/accounts.ts";
import { fileCommand } from "../store/queries/commands.ts";
import { olderWaits } from "../store/queries/deliveries.ts";
import { addEdit } from "../store/queries/edits.ts";
import { findHome } from "../store/queries/homes.ts";
import { addHead } from "../store/queries/places.ts";
import { addRun, findActiveRun, findRun, type RunRow } from "../store/queries/runs.ts";
import { findStopTime, noteStop } from "../store/queries/stops.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import { answerOnce, helpWords, react, refuse } from "./answer.ts";
import { findUnseenEdit, unseenEditWords } from "./edited.ts";
import { placeOf, recallAsk } from "./forgotten.ts";
import { prepareRepositories } from "./installed.ts";
import { lookAfterRuns } from "./look.ts";
import type { Asked, Trigger } from "./parse.ts";
import { findRerun } from "./rerun.ts";
import { filePress, fileWord, findPressed } from "./word.ts";

export interface TriggerParts {
  db: Kysely<Schema>;
  queue: Queue;
  grants: Grants;
  disk: LineParts["disk"];
  line: LineParts["line"];
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

interface Arrival {
  /** When the delivery came. */
  receivedAtMs: number;
  /** It was found in GitHub's log, and may have been handled before. */
  fromLog: boolean;
}

/**
 * Carries out what a delivery asks for; answers what came of it, for the delivery's note. Safe to repeat after a crash at any point.
 * Throws where GitHub or the store cannot be reached: the delivery then stays waiting.
 */
export async function handleTrigger(parts: TriggerParts, told: Trigger, { receivedAtMs, fromLog }: Arrival): Promise<string> {
  const trigger = await addressed(parts.db, told);
  if (trigger.kind === "ignored") return `ignored: ${trigger.why}`;
  if (trigger.kind === "edit") {
    await addEdit(parts.db, trigger.edit);
    return "noted who changed the issue's text";
  }
  if (trigger.kind === "head") {
    await addHead(parts.db, trigger);
    return "noted where the pull request's head is";
  }
  if (trigger.kind === "look") return lookAfterRuns(parts, trigger);
  const account =
    trigger.kind === "installed" ? { id: trigger.accountId, login: trigger.accountLogin } : accountOf(trigger.asked);
  if (!isServedAccount(parts.accounts, account)) return `ignored: ${account.login} is not among AIRLOCK_ACCOUNTS`;
  switch (trigger.kind) {
    case "installed":
      return prepareRepositories(parts, trigger, receivedAtMs);
    case "rerun":
      return rerun(parts, trigger, { receivedAtMs, fromLog });
    case "button":
      return press(parts, trigger, receivedAtMs);
    default: {
      await using doorman = await parts.grants.mint("doorman", scopeOfAsked(trigger.asked));
      // Awaited here: the token is revoked when this block is left.
      return await answer(parts, doorman.api, trigger, { receivedAtMs, fromLog });
    }
  }
}

/** The same, at where its repository is by now: a delivery may be older than its renaming. */
async function addressed(db: Kysely<Schema>, trigger: Trigger): Promise<Trigger> {
  if (trigger.kind === "installed") {
    const repositories = [];
    for (const { id, fullName } of trigger.repositories) {
      const home = await findHome(db, id);
      repositories.push({ id, fullName: home ? `${home.owner}/${home.name}` : fullName });
    }
    return { ...trigger, repositories };
  }
  if (!("asked" in trigger)) return trigger;
  const home = await findHome(db, trigger.asked.repositoryId);
  if (!home) return trigger;
  const { owner, name, installationId } = home;
  const asked = { ...trigger.asked, owner, name, installationId } as never;
  if (trigger.kind !== "run") return { ...trigger, asked };
  return { ...trigger, asked, request: { ...trigger.request, owner, name, installationId } };
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
  arrival: Arrival,
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
      return startRun(parts, api, trigger, arrival);
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
  { receivedAtMs, fromLog }: Arrival,
): Promise<string> {
  const named = { ...parts.newRun(causeKey), causeKey, request, nowMs: parts.nowMs() };
  const at = { repositoryId: request.repositoryId, number: request.subject.number };
  // What an older one was about may be what this one was refused for.
  if (fromLog && (await olderWaits(parts.db, { ...at, receivedAtMs }))) throw new Error("something older waits on this issue");
  if (await isStopped(parts.db, request)) return "stopped before it was begun";
  const forgotten = fromLog ? await recallAsk(parts, api, named) : undefined;
  if (forgotten?.is === "ended") return `run ${named.id}`;
  if (forgotten) return refuseBusy(parts, api, asked, await findRun(parts.db, forgotten.busyWith));
  const editor = await findUnseenEdit(parts, api, { request, causeKey });
  if (editor !== undefined) return askAgain(parts, api, { asked, request, causeKey, editor });
  const added = await addRun(parts.db, parts.queue, named);
  if (added.is === "added") {
    await react(api, asked, "eyes");
    return `run ${added.run}`;
  }
  // The same note as the first time: it is how a run's delivery is found.
  if (added.is === "duplicate") return `run ${added.run}`;
  const busy = await findRun(parts.db, added.run);
  // About to be written down as ended, or found to be: what was asked for after its end is tried again a moment later.
  if (busy && (await recallEnd(api, placeOf(parts, busy)))) throw new Error(`run ${busy.id} has ended, and is still open here`);
  if (fromLog && (await findOwnComment(api, placeOf(parts, named))))
    throw new Error(`run ${named.id} was begun in a life that is forgotten, and goes on when ${added.run} has ended`);
  return refuseBusy(parts, api, asked, busy);
}

async function refuseBusy(parts: TriggerParts, api: Api, asked: Asked, busy: RunRow | undefined): Promise<string> {
  // Over by now: nothing else would take the label away, and it would stand there as if something were going to happen.
  if (asked.commentId === undefined && busy?.state.at === "ended")
    await ensureNoLabel(api, { owner: asked.owner, repo: asked.name, number: asked.subject.number }, labels.ask);
  await react(api, asked, "confused");
  if (asked.commentId !== undefined) await answerOnce(api, parts, asked, busyWords(busy));
  return `busy with run ${busy?.id}`;
}

/** Whether somebody has asked for its end since: of two deliveries the second may come first. */
async function isStopped(db: Kysely<Schema>, { repositoryId, subject, askedAtMs }: RunRequest): Promise<boolean> {
  const stoppedAtMs = await findStopTime(db, repositoryId, subject.number);
  // GitHub's times are whole seconds: of the same one, what was asked for is done.
  return stoppedAtMs !== undefined && askedAtMs < stoppedAtMs;
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
  if (run?.state.at === "ended") return "A run was at work here when this was asked for. It has ended since: ask again.";
  return run?.state.at === "held"
    ? "A run holds its work here and waits for `/agent publish` or `/agent discard`. Then ask again."
    : "A run is at work here already. `/agent stop` ends it; then ask again.";
}

async function stopRun(parts: TriggerParts, api: Api, { asked, how, atMs }: Extract<Trigger, { kind: "stop" }>): Promise<string> {
  const active = await findActiveRun(parts.db, asked.repositoryId, asked.subject.number);
  // Delivered late, or replayed: it was about a run that has ended since.
  if (active && isOlderThan(active.request, atMs)) return `ignored: run ${active.id} was asked for after this`;
  if (!active) {
    // What it is about may come after it: a delivery that GitHub did not bring, or that stumbled, is tried again later.
    await noteStop(parts.db, { repositoryId: asked.repositoryId, number: asked.subject.number, atMs });
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
      ? `${stateWords(active.state, await readLine(parts, active))} [See the run](${parts.pageUrl(active.pageKey)}).`
      : "No run is at work here.";
    await answerOnce(api, parts, asked, words);
  }
  return `answered ${command}`;
}

async function rerun(
  parts: TriggerParts,
  trigger: Extract<Trigger, { kind: "rerun" }>,
  { receivedAtMs, fromLog }: Arrival,
): Promise<string> {
  const former = await findRerun(parts.db, trigger);
  if (!former) return "ignored: no run of ours has this check";
  const asked: Asked = { ...trigger.asked, subject: former.request.subject };
  await using doorman = await parts.grants.mint("doorman", scopeOfAsked(asked));
  const permission = await readPermission(doorman.api, { owner: asked.owner, repo: asked.name, ...asked.requester });
  if (!mayRun(permission)) return `refused: ${asked.requester.login} has ${permission} access`;
  // Authorised anew: the one who pressed is the one who asks. What was asked stays as it was signed then, the command's instructions too;
  // names and installation are today's, since repositories are renamed and Apps installed anew.
  const { cause } = former.request;
  const instructions = cause.kind === "label" ? undefined : cause.instructions;
  const request: RunRequest = {
    ...former.request,
    installationId: asked.installationId,
    accountId: asked.accountId,
    owner: asked.owner,
    name: asked.name,
    requester: asked.requester,
    cause: { kind: "rerun", checkRunId: trigger.checkRunId ?? 0, ...(instructions && { instructions }) },
    // The payload has no time of the press. Handling may come much later, and what was pushed until then was not looked at.
    askedAtMs: receivedAtMs,
  };
  if (await isStopped(parts.db, request)) return "stopped before it was begun";
  const causeKey = `${trigger.causeKey}:${former.id}`;
  const named = { ...parts.newRun(causeKey), causeKey, request, nowMs: parts.nowMs() };
  const forgotten = fromLog ? await recallAsk(parts, doorman.api, named) : undefined;
  if (forgotten?.is === "ended") return `run ${named.id}`;
  if (forgotten) return "not run again: busy";
  const added = await addRun(parts.db, parts.queue, named);
  return added.is === "added" ? `run ${added.run}` : `not run again: ${added.is}`;
}

async function press(parts: TriggerParts, trigger: Extract<Trigger, { kind: "button" }>, atMs: number): Promise<string> {
  const run = await findPressed(parts.db, trigger);
  if (!run) return "ignored: no held run of ours has this check";
  const asked: Asked = { ...trigger.asked, subject: run.request.subject };
  await using doorman = await parts.grants.mint("doorman", scopeOfAsked(asked));
  const permission = await readPermission(doorman.api, { owner: asked.owner, repo: asked.name, ...asked.requester });
  if (!mayRun(permission)) return `refused: ${asked.requester.login} has ${permission} access`;
  return await filePress(parts, doorman.api, { run, asked, word: trigger.word, atMs });
}
