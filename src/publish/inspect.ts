import type { Reason } from "../run/outcome.ts";
import type { Passage } from "../run/state.ts";
import type { Change } from "./changes.ts";
import { findBareRepositories } from "./policy/bare.ts";
import { decidePath, type PathPolicy } from "./policy.ts";

export interface Inspected {
  /** What each commit changed, so that something added by one and removed by the next is seen as well. */
  commits: readonly { sha: string; changes: readonly Change[] }[];
  /** Of all contents that the work adds. */
  bytes: number;
  limits: { commits: number; files: number; bytes: number };
  policy: PathPolicy;
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
        words: `The work changes \`${printable(refused.path)}\`. ${refused.why}, so Airlock does not push them.`,
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
  return {
    is: "passed",
    files: paths.length,
    hold: [
      ...decided
        .filter(({ action }) => action === "hold")
        .map(({ path, rule, why }) => ({ code: `publish.${rule}`, words: `${printable(path)} (rule ${rule}): ${why}.` })),
      ...findBareRepositories(paths).map((folder) => ({
        code: "publish.bare-repository",
        words: `${printable(folder)} (rule bare-repository): It looks like a git repository of its own, and git runs what its settings name.`,
      })),
    ],
    notes: notesOf(all),
    passage: {
      ...(decided.some(({ action }) => action === "draft") && { draft: true as const }),
      ...(decided.some(({ rule }) => rule === "workflow") && { workflows: true as const }),
    },
  };
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
  const lines = paths.slice(0, 20).map((path) => `${what}: \`${printable(path)}\``);
  return paths.length > 20 ? [...lines, `and ${paths.length - 20} more: ${what}`] : lines;
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
