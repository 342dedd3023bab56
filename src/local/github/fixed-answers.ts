import type { GitAnswer } from "./git-runner.ts";

/** What git said of objects by their own names, which it will always say again: most of what an API's answer is made of is asked several
 *  times over, and each question is a process. By repository folder. */
const fixed = new Map<string, Map<string, GitAnswer>>();
const most = 500;
const longestBytes = 64 * 1024;

const readers = new Set(["log", "diff", "merge-base", "rev-list", "ls-tree", "cat-file"]);
const objectTypes = new Set(["blob", "commit", "tree", "tag"]);

/** Whether the answer depends on nothing but objects: every name in it is an object's own. */
export function isFixed([verb = "", ...rest]: readonly string[]): boolean {
  if (!readers.has(verb)) return false;
  const end = rest.indexOf("--");
  const asked = end < 0 ? rest : rest.slice(0, end);
  if (asked.some((arg) => /^--(all|batch|branches|tags|remotes|glob|stdin)/.test(arg))) return false;
  const names = asked.filter((arg) => !arg.startsWith("-") && !(verb === "cat-file" && objectTypes.has(arg)));
  return names.length > 0 && names.every((name) => /^[0-9a-f]{40}(\.\.[0-9a-f]{40})?(\^\{\w+\})?$/.test(name));
}

export function recallFixed(folder: string, args: readonly string[]): GitAnswer | undefined {
  return fixed.get(folder)?.get(args.join("\0"));
}

/** A no is not kept: the object may come. */
export function keepFixed(folder: string, args: readonly string[], answer: GitAnswer): void {
  if (answer.exitCode !== 0 || answer.stdout.byteLength > longestBytes) return;
  const kept = fixed.get(folder) ?? new Map<string, GitAnswer>();
  fixed.set(folder, kept);
  if (kept.size >= most) kept.clear();
  kept.set(args.join("\0"), answer);
}

/** Where another repository takes a folder, it holds other objects. */
export function forgetFixed(folder: string): void {
  fixed.delete(folder);
}
