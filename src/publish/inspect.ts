import type { Reason } from "../run/outcome.ts";
import type { Passage } from "../run/state.ts";
import type { Change } from "./changes.ts";
import { findBareRepositories } from "./policy/bare.ts";
import { decidePath, type PathDecision, type PathPolicy } from "./policy.ts";

export interface Inspected {
  /** What each commit changed, so that something added by one and removed by the next is seen as well. */
  commits: readonly { sha: string; changes: readonly Change[] }[];
  /** Of all contents that the work adds. */
  bytes: number;
  limits: { commits: number; files: number; bytes: number };
  policy: PathPolicy;
  /** It goes into a pull request that is no draft: what may only be a draft waits for a person then. */
  isForReview?: true;
}

/** `hold`: why a person must look first; empty where nobody must. */
export type Verdict =
  | { is: "passed"; files: number; hold: Reason[]; notes: string[]; passage: Passage }
  | { is: "refused"; reason: Reason };

/** ◆ Whether the work may leave, judged commit by commit: what stands in a middle commit leaves with the push too. */
export function inspect(work: Inspected): Verdict {
  // The tip stands twice: for what it changed itself, and for the whole from the base.
  const commits = new Set(work.commits.map((commit) => commit.sha)).size;
  if (commits > work.limits.commits) return tooMuch(`${commits} commits`, `${work.limits.commits}`);
  const all = work.commits.flatMap((commit) => commit.changes);
  const paths = [...new Set(all.map((change) => change.path))];
  if (paths.length > work.limits.files) return tooMuch(`${paths.length} changed files`, `${work.limits.files}`);
  if (work.bytes > work.limits.bytes) return tooMuch(`${printMega(work.bytes)} of new content`, printMega(work.limits.bytes));
  const decided = paths.map((path) => ({ path, ...decidePath(path, work.policy) }));
  const refused = decided.find(({ action }) => action === "refuse");
  if (refused)
    return {
      is: "refused",
      reason: {
        code: `publish.${refused.rule}`,
        words: `The work changes \`${printable(refused.path)}\`. ${refused.why}, so Airlock does not push it.`,
        remedy: "The work is kept as a patch on the run's page: a person can look at it and apply it.",
      },
    };
  const unknown = all.find((change) => change.status !== "D" && !knownModes.has(change.newMode));
  if (unknown)
    return {
      is: "refused",
      reason: {
        code: "publish.mode",
        words: `The work gives \`${printable(unknown.path)}\` the mode ${unknown.newMode}.`,
        remedy: "See the patch on the run's page.",
      },
    };
  const drafts = decided.filter(({ action }) => action === "draft");
  return {
    is: "passed",
    files: paths.length,
    hold: [
      ...decided
        .filter(({ action }) => action === "hold")
        .map(({ path, rule, why }) => ({ code: `publish.${rule}`, words: `${printable(path)} (rule ${rule}): ${why}.` })),
      ...(work.isForReview ? drafts : []).map(({ path, rule, why }) => ({
        code: `publish.${rule}`,
        words: `${printable(path)} (rule ${rule}): ${why}. It may only be a draft, and the pull request that it goes into is none.`,
      })),
      ...findBareRepositories(paths).map((folder) => ({
        code: "publish.bare-repository",
        words: `${printable(folder)} (rule bare-repository): It looks like a git repository of its own, and git runs what its settings name.`,
      })),
    ],
    notes: [...policyNotes(decided, work.isForReview ? [] : drafts), ...notesOf(all)],
    passage: {
      ...(drafts.length > 0 && !work.isForReview && { draft: true as const }),
      ...(decided.some(({ rule }) => rule === "workflow") && { workflows: true as const }),
    },
  };
}

type Decided = PathDecision & { path: string };

/** Why it is a draft, and what passed by the operator's word alone. */
function policyNotes(decided: readonly Decided[], drafts: readonly Decided[]): string[] {
  const loosened = decided.filter(({ loosened }) => loosened);
  return [
    ...cutLines(drafts, "reasons for a draft", ({ path, rule, why }) => `a draft for ${printable(path)} (rule ${rule}): ${why}`),
    ...cutLines(
      loosened,
      "let through by AIRLOCK_PATHS",
      ({ path, action, loosened }) =>
        `${action} by AIRLOCK_PATHS: ${printable(path)}, where Airlock's rule ${loosened?.rule} says ${loosened?.action}`,
    ),
  ];
}

/** Regular, executable, symlink, submodule: git's only modes for what a tree lists besides trees. */
const knownModes = new Set(["100644", "100755", "120000", "160000"]);

function notesOf(changes: readonly Change[]): string[] {
  const named = (what: string, holds: (change: Change) => boolean) =>
    cutList([...new Set(changes.filter((change) => change.status !== "D" && holds(change)).map(({ path }) => path))], what);
  return [
    ...named("submodule", ({ newMode }) => newMode === "160000"),
    ...named("made executable", ({ newMode, oldMode }) => newMode === "100755" && oldMode !== "100755"),
    ...named("not executable any more", ({ newMode, oldMode }) => newMode === "100644" && oldMode === "100755"),
    ...named("changed its kind", ({ status }) => status === "T"),
  ];
}

function cutList(paths: readonly string[], what: string): string[] {
  return cutLines(paths, what, (path) => `${what}: \`${printable(path)}\``);
}

function cutLines<Item>(items: readonly Item[], what: string, print: (item: Item) => string): string[] {
  const lines = items.slice(0, 20).map(print);
  return items.length > 20 ? [...lines, `and ${items.length - 20} more: ${what}`] : lines;
}

function tooMuch(what: string, limit: string): Verdict {
  return {
    is: "refused",
    reason: {
      code: "publish.too-much",
      words: `The work has ${what}; a run may have ${limit}.`,
      remedy: "Split the issue into smaller ones.",
    },
  };
}

function printMega(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}

/** A name for a sentence in Markdown: no control character, no backtick. */
export function printable(path: string): string {
  return path.replaceAll(/[\p{C}`]/gu, "?").slice(0, 200);
}
