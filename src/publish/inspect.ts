import type { Reason } from "../run/outcome.ts";
import type { Change } from "./changes.ts";

export interface Inspected {
  /** What each commit changed, so that something added by one and removed by the next is seen as well. */
  commits: readonly { sha: string; changes: readonly Change[] }[];
  limits: { commits: number; files: number };
}

export type Verdict = { is: "passed"; files: number; notes: string[] } | { is: "refused"; reason: Reason };

/** Pure. Whether the work may leave, judged commit by commit: what stands in a middle commit leaves with the push too. */
export function inspect(work: Inspected): Verdict {
  // The tip stands twice: for what it changed itself, and for the whole from the base.
  const commits = new Set(work.commits.map((commit) => commit.sha)).size;
  if (commits > work.limits.commits) return tooMuch(`${commits} commits`, `${work.limits.commits}`);
  const all = work.commits.flatMap((commit) => commit.changes);
  const files = new Set(all.map((change) => change.path)).size;
  if (files > work.limits.files) return tooMuch(`${files} changed files`, `${work.limits.files}`);
  const workflow = all.find((change) => runsInCi(change.path));
  if (workflow)
    return {
      is: "refused",
      reason: {
        code: "publish.workflow",
        words: `The work changes \`${printable(workflow.path)}\`. Workflow files and actions run with the repository's secrets, so Airlock does not push them.`,
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
  return { is: "passed", files, notes: notesOf(all) };
}

/** Regular, executable, symlink, submodule: git's only modes for what a tree lists besides trees. */
const knownModes = new Set(["100644", "100755", "120000", "160000"]);

/**
 * Matched without regard to case: a checkout on a case-insensitive disk would run it as well. `.github` and its two folders are never
 * paths of files: where they are, a link or a submodule stands in their place.
 */
export function runsInCi(path: string): boolean {
  return /^\.github(\/(workflows|actions)(\/|$)|$)/i.test(path) || /(^|\/)action\.ya?ml$/i.test(path);
}

function notesOf(changes: readonly Change[]): string[] {
  const named = (mode: string, what: string) =>
    [...new Set(changes.filter((c) => c.newMode === mode && c.status !== "D").map((c) => c.path))]
      .slice(0, 20)
      .map((path) => `${what}: \`${printable(path)}\``);
  return [...named("120000", "symbolic link"), ...named("160000", "submodule")];
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

/** A name for a sentence in Markdown: no control character, no backtick. */
function printable(path: string): string {
  return path.replaceAll(/[\p{C}`]/gu, "?").slice(0, 200);
}
