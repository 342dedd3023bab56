import { createHash } from "node:crypto";
import type { Kysely } from "kysely";
import type { Api } from "../github/api.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import { mayRun, readPermission } from "../github/permission.ts";
import { cutText, printPlain } from "../report/plain.ts";
import type { Fact } from "../run/fact.ts";
import type { Reason } from "../run/outcome.ts";
import type { RunRequest } from "../run/request.ts";
import { editorsBetween, firstShown } from "../store/queries/edits.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

/** How long before the label or the command an edit counts as one that whoever asked may not have seen. */
export const editWindowMs = 5 * 60_000;

/**
 * Who without write access changed the title or text shortly before it was asked for, if whoever asked was not shown that very
 * text before. The answer is the same for the same cause, however often it is asked.
 */
export async function findUnseenEdit(
  parts: { db: Kysely<Schema> },
  api: Api,
  { request, causeKey }: { request: RunRequest; causeKey: string },
): Promise<string | undefined> {
  const { owner, name: repo, repositoryId, subject, askedAtMs } = request;
  if (subject.kind !== "issue") return undefined;
  const span = { fromMs: askedAtMs - editWindowMs, toMs: askedAtMs };
  for (const editor of await editorsBetween(parts.db, { repositoryId, number: subject.number, ...span })) {
    if (editor.id === request.requester.id) continue;
    if (editor.person && mayRun(await readPermission(api, { owner, repo, ...editor }))) continue;
    const digest = createHash("sha256").update(`${request.title}\0${request.body}`).digest("hex");
    const first = await firstShown(parts.db, `shown:${repositoryId}:${subject.number}:${digest}`, causeKey);
    return first === causeKey ? editor.login : undefined;
  }
  return undefined;
}

/**
 * Looks again, right before the agent starts: GitHub keeps no order among its deliveries, so that an edit from before the label may only be
 * known now. The text was not shown then, so whoever asked is told to read it as it stands; asked for once more, it counts as shown.
 */
export async function findLateEdit(parts: { db: Kysely<Schema>; grants: Grants }, run: RunRow): Promise<Fact | undefined> {
  const { request } = run;
  const { repositoryId, subject, askedAtMs, requester } = request;
  // What is run again is the text as it was signed for the run before it.
  if (subject.kind !== "issue" || request.cause.kind === "rerun") return undefined;
  const span = { fromMs: askedAtMs - editWindowMs, toMs: askedAtMs };
  const editors = await editorsBetween(parts.db, { repositoryId, number: subject.number, ...span });
  if (editors.every(({ id }) => id === requester.id)) return undefined;
  const api = await parts.grants.keep("reporter", scopeOf(run.id, request));
  const editor = await findUnseenEdit(parts, api, { request, causeKey: run.id });
  if (editor === undefined) return undefined;
  const reason: Reason = {
    code: "pin.edited",
    words: `${editor}, who has no write access, changed this issue shortly before it was asked for, and GitHub told of it late.`,
    remedy: "Read the issue as it stands, then ask again.",
  };
  return { is: "stop-asked", ending: { outcome: "refused", reason } };
}

/** What is said instead of running: the text as it would have been read, every line of it as code, so that nothing in it has an effect. */
export function unseenEditWords(editor: string, { title, body, cause }: RunRequest): string {
  const again = cause.kind === "label" ? "set the label `agent` again" : "comment again";
  return [
    `\`${editor.replaceAll(/[^\w[\]-]/g, "?")}\`, who has no write access, changed this issue shortly before it was asked for, so nothing was started. This is what the agent would be given. If it is what you want, ${again}.`,
    "",
    ...cutText(printPlain(`${title}\n\n${body}`), 20_000)
      .split("\n")
      .map((line) => `    ${line}`),
  ].join("\n");
}
