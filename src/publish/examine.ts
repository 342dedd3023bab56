import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import type { GitHost } from "../git/client.ts";
import type { GitHubApp } from "../github/app.ts";
import type { Grants } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import type { Reason } from "../run/outcome.ts";
import type { PathRule } from "../run/path-rule.ts";
import type { Pins } from "../run/request.ts";
import { putPaper } from "../store/queries/papers.ts";
import { addBranchTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { findCiReasons } from "./ci/reasons.ts";
import { noteHiddenText } from "./hidden-text.ts";
import { inspect } from "./inspect.ts";
import { readPatch, readWork, sumBytes, type Work } from "./read.ts";
import { readDependencyNotes } from "./read-dependencies.ts";
import { readBinaryNotes, readLinks } from "./read-marks.ts";
import { rebuildWork } from "./rebuild.ts";
import { findSecretReasons, readAddedLines } from "./scan/reasons.ts";

export interface PublishPolicy {
  ci: "hold" | "hold-risky" | "auto";
  workflows: "refuse" | "hold";
  /** The operator's own rules for paths, in order. */
  paths: readonly PathRule[];
  /** How long held work waits for a person's word. */
  holdMs: number;
}

export interface ExamineParts {
  db: Kysely<Schema>;
  git: GitHost;
  app: GitHubApp;
  grants: Grants;
  publishing: PublishPolicy;
  redact(text: string): string;
  nowMs(): number;
}

const limits = { commits: 200, files: 3_000, bytes: 50 * 1024 ** 2 };
const patchLimitBytes = 2 * 1024 * 1024;

/** Reads the run's one ref, keeps the change for people, judges it, and rebuilds it as commits of ours: to be pushed, or to be held. */
export async function examineWork(
  parts: ExamineParts,
  run: RunRow,
  at: { pins: Pins; branch: string; tighter?: readonly PathRule[] },
): Promise<Fact> {
  const { pins } = at;
  const base = pins.baseSha;
  const work = await readWithin(parts, run, pins);
  if (work === "too-large") return { is: "work-refused", reason: tooLarge };
  if (!work) return { is: "nothing-made" };
  const keep = (kind: "patch" | "inspection", text: string) => putPaper(parts.db, { run: run.id, fence: run.fence, kind, text });
  // Kept before it is judged: what is refused is a person's to look at, and not lost.
  await keep("patch", parts.redact(await readPatch(parts.git, run.id, base, work.tip, patchLimitBytes)));
  const bytes = await sumBytes(parts.git, run.id, work);
  const policy = { ...parts.publishing, ...(at.tighter && { tighter: at.tighter }) };
  const { isForReview } = pins;
  const verdict = inspect({ commits: work.changes, bytes, limits, policy, ...(isForReview && { isForReview }) });
  if (verdict.is === "refused") return { is: "work-refused", reason: verdict.reason };
  const dependencies = await readDependencyNotes(parts.git, run.id, { base, work });
  const links = await readLinks(parts.git, run.id, work);
  const binaries = await readBinaryNotes(parts.git, run.id, { base, work });
  const lines = await readAddedLines(parts.git, run.id, { base, work });
  const hidden = noteHiddenText({ paths: pathsOf(work), lines: lines?.flatMap((commit) => commit.lines) ?? [] });
  await keep("inspection", JSON.stringify([...hidden, ...verdict.notes, ...links.notes, ...binaries, ...dependencies]));
  const why = [
    ...verdict.hold,
    ...links.hold,
    ...(await findSecretReasons(lines)),
    ...(await findCiReasons(parts, run, { pins, branch: at.branch, commit: work.tip, changed: pathsOf(work) })),
  ];
  const identity = await parts.app.identity();
  const rebuilt = await rebuildWork(
    { git: parts.git, run: run.id, request: run.request, identity, base, nowMs: parts.nowMs(), redact: parts.redact },
    work,
  );
  // Ours from now on: whoever finds this tip on the branch knows that nobody else put it there.
  await addBranchTip(parts.db, { repositoryId: run.request.repositoryId, branch: at.branch, sha: rebuilt, run: run.id });
  const counts = {
    tip: work.tip,
    rebuilt,
    commits: work.chain ? work.commits.length : 1,
    files: verdict.files,
    ...verdict.passage,
  };
  if (why.length === 0) return { is: "inspected", ...counts };
  return { is: "held", ...counts, why: why.slice(0, 100), untilMs: parts.nowMs() + parts.publishing.holdMs };
}

function pathsOf(work: Work): string[] {
  return [...new Set(work.changes.flatMap(({ changes }) => changes.map(({ path }) => path)))];
}

async function readWithin(parts: ExamineParts, run: RunRow, pins: Pins): Promise<Work | "too-large" | undefined> {
  const { repositoryId } = run.request;
  // Only a pull request's branch can have been brought up to date: an issue's starts at the target itself.
  const target = pins.headBranch ? (await parts.git.findBase({ repositoryId, branch: pins.targetBranch }))?.tip : undefined;
  try {
    return await readWork(parts.git, run.id, { base: pins.baseSha, limit: limits.commits, ...(target && { target }) });
  } catch (error) {
    if (error instanceof Fault && (error.code === "git.too-large" || error.code === "git.timeout")) return "too-large";
    throw error;
  }
}

const tooLarge: Reason = {
  code: "publish.too-much",
  words: "The work changes more files than can be inspected.",
  remedy: "Split the issue into smaller ones.",
};
