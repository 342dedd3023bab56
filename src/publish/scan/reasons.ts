import type { GitHost } from "../../git/client.ts";
import type { RunId, Sha } from "../../run/identity.ts";
import type { Reason } from "../../run/outcome.ts";
import { type AddedLine, parseAddedLines } from "../added-lines.ts";
import { printable } from "../inspect.ts";
import type { Work } from "../read.ts";
import { scanLines } from "./scan.ts";

/** The lines that one commit adds. */
export interface AddedByCommit {
  sha: string;
  lines: AddedLine[];
}

const diffLimitBytes = 32 * 1024 ** 2;
/** Of all commits: each line is an object in the App's own memory, and is looked at more than once. */
const mostLines = 250_000;
const scanLimitMs = 30_000;
const shown = 20;
// `-a`: a file that git takes for binary is searched as well.
const diffOptions = [
  ...["--no-color", "-U0", "-a", "--no-renames", "--no-textconv", "--no-ext-diff"],
  ...["--src-prefix=a/", "--dst-prefix=b/"],
];

/**
 * Reads every line that any commit of the work adds: what one adds and the next takes away leaves with the push all the same. Undefined
 * where that is more than can be searched.
 */
export async function readAddedLines(
  git: GitHost,
  run: RunId,
  of: { base: Sha; work: Work },
): Promise<AddedByCommit[] | undefined> {
  const { base, work } = of;
  const pairs: { from: string; to: string }[] = work.chain
    ? work.commits.map(({ sha, parents }) => ({ from: parents[0] ?? base, to: sha }))
    : [{ from: base, to: work.tip }];
  // Of a merge only what is the agent's: the rest stands on the target already.
  const own = work.chain ? undefined : new Set(work.changes.flatMap(({ changes }) => changes.map(({ path }) => path)));
  const read: AddedByCommit[] = [];
  let leftBytes = diffLimitBytes;
  let leftLines = mostLines;
  for (const { from, to } of pairs) {
    const args = ["diff", ...diffOptions, "--end-of-options", from, to];
    const output = await git.git({ run }, args, { limitBytes: leftBytes, truncate: true });
    leftBytes -= output.stdout.length;
    leftLines -= countLines(output.stdout);
    if (output.truncated || leftBytes <= 0 || leftLines < 0) return undefined;
    if (output.exitCode !== 0) throw new Error(`git diff failed in the run's repository: ${output.stderr.slice(0, 200)}`);
    const lines = parseAddedLines(output.stdout.toString("utf8"));
    // A name that git quotes is none of the target's for certain: its lines are searched.
    read.push({ sha: to, lines: own ? lines.filter(({ path }) => own.has(path) || /[\\"]|[^ -~]/.test(path)) : lines });
  }
  return read;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

/** Why the work waits for a person, because of what its lines hold. */
export async function findSecretReasons(commits: readonly AddedByCommit[] | undefined): Promise<Reason[]> {
  if (!commits) return [unscanned];
  const found = new Map<string, Reason>();
  const all = commits.flatMap(({ sha, lines }) => lines.map((line) => ({ ...line, sha })));
  const leaks = await scanLines(all, scanLimitMs);
  if (!leaks) return [unscanned];
  for (const { at, kind, shown: value } of leaks) {
    const place = `${printable(at.path)}, line ${at.line}`;
    if (!found.has(`${place} ${kind}`))
      found.set(`${place} ${kind}`, {
        code: "publish.secret",
        words: `${place} of commit ${at.sha.slice(0, 12)} (rule ${kind}): It looks like a secret, ${value}`,
      });
  }
  return [...found.values()].slice(0, shown);
}

const unscanned: Reason = {
  code: "publish.unscanned",
  words: "The work adds more text than can be searched for secrets, so nobody knows whether it holds one.",
};
