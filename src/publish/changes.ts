/** One path that a commit changed, as `git diff-tree --raw -z --no-renames` tells it. */
export interface Change {
  path: string;
  status: "A" | "M" | "D" | "T";
  oldMode: string;
  newMode: string;
  /** The new content's object; all zeros where it was deleted. For a submodule a commit of another repository. */
  newId: string;
}

/**
 * Parses the NUL-separated raw form: without -z a name outside ASCII comes quoted and would miss every rule on prefixes.
 * Throws on anything else than that form, since a change that cannot be read must not pass.
 */
export function parseRawChanges(raw: Buffer): Change[] {
  const fields = raw.toString("utf8").split("\0");
  // Every field ends with a NUL: without this look, a list that was cut short would pass as a shorter one.
  if (fields.pop() !== "" || fields.length % 2 !== 0) throw new Error("git's list of changes is not whole");
  const changes: Change[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const head = /^:(\d{6}) (\d{6}) [0-9a-f]{40} ([0-9a-f]{40}) ([AMDT])$/.exec(fields[i] ?? "");
    const path = fields[i + 1];
    if (!head || !path) throw new Error("git's list of changes has not its known form");
    changes.push({
      path,
      status: head[4] as Change["status"],
      oldMode: head[1] ?? "",
      newMode: head[2] ?? "",
      newId: head[3] ?? "",
    });
  }
  return changes;
}

/** A commit of the agent's, oldest first. */
export interface AgentCommit {
  sha: string;
  parents: string[];
}

/** Parses `git rev-list --parents`: a commit and its parents in each line. */
export function parseRevList(text: string): AgentCommit[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [sha = "", ...parents] = line.split(" ");
      return { sha, parents };
    });
}

/** True where the commits are one chain from `base`, so that each can be rebuilt on the one before. No commits are none: the agent went back. */
export function isChain(base: string, commits: readonly AgentCommit[]): boolean {
  if (commits.length === 0) return false;
  return commits.every((commit, i) => commit.parents.length === 1 && commit.parents[0] === (commits[i - 1]?.sha ?? base));
}
