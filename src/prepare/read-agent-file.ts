import type { GitHost, Repository } from "../git/client.ts";
import type { Sha } from "../run/identity.ts";
import type { Reason } from "../run/outcome.ts";
import { type AgentFile, agentFileLimitBytes, agentFilePath, parseAgentFile } from "./agent-file.ts";

/**
 * What the repository's own settings say at this commit: for a pull request its target's, never the branch's, or whoever pushes to it
 * decides. Answers a reason where they cannot be read: then there is no run, since nobody can say what it should have been held to.
 */
export async function readAgentFile(git: GitHost, repository: Repository, commit: Sha): Promise<AgentFile | { wrong: Reason }> {
  const listed = await git.git(repository, ["ls-tree", "-z", "--full-tree", "--end-of-options", commit, ".github/"]);
  if (listed.exitCode !== 0) throw new Error(`the tree of ${commit} cannot be listed: ${listed.stderr}`);
  const entries = listed.stdout.toString("utf8").split("\0");
  const other = entries.find((entry) => /\t\.github\/agent\.ya?ml$/i.test(entry) && !entry.endsWith(`\t${agentFilePath}`));
  if (other) return wrong(`${other.split("\t")[1]} is not read`, `Rename it to ${agentFilePath}`);
  const entry = entries.find((each) => each.endsWith(`\t${agentFilePath}`));
  if (entry === undefined) return { limits: {} };
  // A link's text is only a name, and a submodule has none.
  const blob = /^100(?:644|755) blob ([0-9a-f]{40})\t/.exec(entry)?.[1];
  if (!blob) return wrong(`${agentFilePath} is not a file`, "Put a plain file in its place");
  const text = await git.git(repository, ["cat-file", "blob", blob], { limitBytes: agentFileLimitBytes, truncate: true });
  if (text.exitCode !== 0) throw new Error(`${agentFilePath} cannot be read: ${text.stderr}`);
  if (text.truncated) return wrong(`${agentFilePath} is larger than ${agentFileLimitBytes} bytes`, "Keep it short");
  const parsed = parseAgentFile(text.stdout.toString("utf8"));
  if ("limits" in parsed) return parsed;
  const { line, column, words, remedy } = parsed;
  return wrong(`${agentFilePath}, line ${line}, column ${column}: ${words}`, `${remedy}, then set the label again`);
}

function wrong(words: string, remedy: string): { wrong: Reason } {
  return { wrong: { code: "agent-file.malformed", words: `${words}.`, remedy: `${remedy}.` } };
}
