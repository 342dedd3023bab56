import { factWords } from "../report/fact-words.ts";
import type { LineParts } from "../report/line.ts";
import { outcomeWords, stateWords } from "../report/state-words.ts";
import { readStory, type Story } from "../report/story.ts";
import type { EvidenceRow } from "../run/evidence.ts";
import type { RunRequest } from "../run/request.ts";
import type { ChainHead } from "../secret/chain.ts";
import type { Changes } from "../store/changes.ts";
import { findPaper } from "../store/queries/papers.ts";
import { evidenceOf, transcriptOf } from "../store/queries/record.ts";
import { findRun, findRunByPage, listRuns } from "../store/queries/runs.ts";
import type { EvidenceView, Reader, RunView, TranscriptEntry } from "./view.ts";

const rowLimit = 500;

/** Reads runs from the store as pages show them. `webUrl`: "https://github.com", for links. */
export function createReader(parts: LineParts & { changes: Changes; webUrl: string }): Reader {
  const { db } = parts;
  const view = async (run: Awaited<ReturnType<typeof findRun>>) =>
    run && toView(await readStory(parts, run), await lastSeq(run.id), parts.webUrl);
  const lastSeq = async (run: RunView["id"]) => {
    const row = await db
      .selectFrom("events")
      .select((e) => e.fn.max("seq").as("seq"))
      .where("run", "=", run)
      .executeTakeFirst();
    return Number(row?.seq ?? 0);
  };
  return {
    findRun: async (key) => view(await findRunByPage(db, key)),
    findById: async (id) => view(await findRun(db, id)),
    listRuns: async (limit) => {
      const views = [];
      for (const run of await listRuns(db, limit)) views.push(toView(await readStory(parts, run), 0, parts.webUrl));
      return views;
    },
    transcript: async (run, afterSeq, limit) => (await transcriptOf(db, run, afterSeq, limit)) as TranscriptEntry[],
    async evidence(run) {
      const head = await findPaper(db, run, "evidence");
      return { rows: await evidenceOf(db, run), ...(head !== undefined && { head: JSON.parse(head) as ChainHead }) };
    },
    changes: (run, signal) => parts.changes.watch(run, signal),
  };
}

function toView(story: Story, lastSeq: number, webUrl: string): RunView {
  const { run } = story;
  const { request, state } = run;
  const repositoryUrl = `${webUrl}/${request.owner}/${request.name}`;
  const stand = "stand" in state ? state.stand : undefined;
  const ending = "ending" in state ? state.ending : undefined;
  const pullRequest = "pullRequest" in state ? state.pullRequest : undefined;
  return {
    id: run.id,
    pageKey: run.pageKey,
    repository: { owner: request.owner, name: request.name, url: repositoryUrl },
    subject: {
      kind: request.subject.kind,
      number: request.subject.number,
      title: request.title,
      url: `${repositoryUrl}/${request.subject.kind === "pull" ? "pull" : "issues"}/${request.subject.number}`,
    },
    requester: { login: request.requester.login },
    trigger: causeWords(request),
    createdAtMs: run.createdAtMs,
    state: {
      at: state.at,
      words: ending && state.at === "ended" ? outcomeWords(ending.outcome) : stateWords(state, story),
      // What it will be is known before it is true: while it closes, its tokens still live.
      ...(ending && state.at === "ended" && { outcome: ending.outcome }),
      ...(run.tries >= worthTelling && { next: triesWords(run) }),
      ...(ending?.reason && { reason: [ending.reason.words, ending.reason.remedy].filter(Boolean).join(" ") }),
    },
    ...(story.exposureNotes.length > 0 && { exposureNotes: story.exposureNotes }),
    ...(story.limitNotes.length > 0 && { limitNotes: story.limitNotes }),
    ...(story.forgotten !== undefined && { forgotten: story.forgotten }),
    timeline: story.facts.map(({ atMs, fact }) => ({ atMs, ...factWords(fact) })),
    checks: story.checks,
    ...(story.isolation && { isolation: story.isolation }),
    ...(story.mode && { mode: story.mode }),
    evidence: evidenceView(story.evidence),
    grants: story.grants.map((grant) => ({
      duty: grant.duty,
      permissions: grant.permissions,
      mintedAtMs: grant.mintedAtMs,
      expiresAtMs: grant.expiresAtMs,
      ...(grant.revokedAtMs !== null && { revokedAtMs: grant.revokedAtMs }),
      ...(grant.state === "minting" && { lost: true }),
    })),
    usage: story.usage,
    lastSeq,
    ...(story.startedAtMs !== undefined && { startedAtMs: story.startedAtMs }),
    ...(story.endedAtMs !== undefined && { endedAtMs: story.endedAtMs }),
    ...(state.at === "held" && {
      held: { why: state.why.map(({ words }) => words), sha: state.rebuilt, untilMs: state.heldUntilMs },
    }),
    ...(pullRequest && { pullRequest: { number: pullRequest.number, url: pullRequest.url } }),
    ...(stand && { checkRun: { id: stand.checkRunId, url: `${repositoryUrl}/runs/${stand.checkRunId}` }, branch: stand.branch }),
    ...(story.patch !== undefined && { patch: story.patch }),
    ...(story.answer !== undefined && { answer: story.answer }),
  };
}

/** A hiccup is not told: after so many tries some seconds have gone by. */
const worthTelling = 3;

function triesWords({ tries, notBeforeMs }: { tries: number; notBeforeMs: number }): string {
  const at = notBeforeMs > 0 ? ` It is tried again at ${new Date(notBeforeMs).toISOString().slice(11, 19)} UTC.` : "";
  return `The next step has not worked ${tries} times, because GitHub or the container engine does not answer; nothing is lost.${at}`;
}

function causeWords(request: RunRequest): string {
  switch (request.cause.kind) {
    case "label":
      return `the label ${request.cause.label}`;
    case "command":
      return "the comment /agent fix";
    case "rerun":
      return "the check's re-run button";
  }
}

/** Refused ones are kept first where there are too many: they are what a reader looks for. */
function evidenceView(rows: readonly EvidenceRow[]): EvidenceView {
  const refused = rows.filter((row) => row.verdict === "refused");
  const allowed = rows.filter((row) => row.verdict === "allowed");
  const keptRefused = refused.slice(-rowLimit);
  const kept = new Set([...keptRefused, ...(keptRefused.length < rowLimit ? allowed.slice(keptRefused.length - rowLimit) : [])]);
  const digest = rows.at(-1)?.digest;
  return {
    allowed: allowed.length,
    refused: refused.length,
    rows: rows.filter((row) => kept.has(row)),
    ...(digest && { digest }),
  };
}
