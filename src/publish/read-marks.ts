import type { GitHost } from "../git/client.ts";
import type { RunId, Sha } from "../run/identity.ts";
import type { Reason } from "../run/outcome.ts";
import { printable } from "./inspect.ts";
import { decideLinks, type Link } from "./policy/links.ts";
import type { Work } from "./read.ts";

const mostLinks = 100;
const longestTarget = 4_096;
const shown = 20;

/** Reads where the links of every commit lead: one that a commit adds and the next takes away leaves with the push too. */
export async function readLinks(git: GitHost, run: RunId, work: Work): Promise<{ hold: Reason[]; notes: string[] }> {
  const changes = work.changes.flatMap((commit) => commit.changes);
  const ids = new Map(
    changes.filter((c) => c.status !== "D" && c.newMode === "120000").map((c) => [`${c.newId} ${c.path}`, c] as const),
  );
  if (ids.size > mostLinks)
    return {
      hold: [{ code: "publish.link", words: `The work has ${ids.size} symbolic links (rule link): too many to follow.` }],
      notes: [],
    };
  const links: Link[] = [];
  for (const { path, newId } of ids.values()) {
    const read = await git.git({ run }, ["cat-file", "blob", newId], { limitBytes: longestTarget, truncate: true });
    links.push({ path, target: read.exitCode === 0 && !read.truncated ? read.stdout.toString("utf8") : undefined });
  }
  const { hold, notes } = decideLinks(links);
  return { hold, notes: cutNotes(notes, "symbolic links") };
}

/** What a person cannot read in a diff: files that git takes for binary, by the end against the start. */
export async function readBinaryNotes(git: GitHost, run: RunId, of: { base: Sha; work: Work }): Promise<string[]> {
  const args = ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-textconv", "--no-ext-diff"];
  const output = await git.git({ run }, [...args, "--end-of-options", of.base, of.work.tip]);
  if (output.exitCode !== 0) throw new Error(`git diff-tree failed in the run's repository: ${output.stderr.slice(0, 200)}`);
  const own = new Set(of.work.changes.at(-1)?.changes.map(({ path }) => path));
  const notes = output.stdout
    .toString("utf8")
    .split("\0")
    .flatMap((line) => /^-\t-\t([\s\S]+)$/.exec(line)?.[1] ?? [])
    .filter((path) => own.has(path))
    .map((path) => `binary file: \`${printable(path)}\``);
  return cutNotes(notes, "binary files");
}

function cutNotes(notes: readonly string[], what: string): string[] {
  return notes.length <= shown ? [...notes] : [...notes.slice(0, shown), `and ${notes.length - shown} more ${what}`];
}
