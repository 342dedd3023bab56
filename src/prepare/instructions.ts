import type { GitHost } from "../git/client.ts";
import type { RunId, Sha } from "../run/identity.ts";

/** The repository's own words to agents, as they stand in the commit that was pinned: a branch of the agent's making cannot change them. */
export async function readInstructionFiles(
  git: GitHost,
  run: RunId,
  commit: Sha,
): Promise<{ "CLAUDE.md"?: string; "AGENTS.md"?: string }> {
  const found: { "CLAUDE.md"?: string; "AGENTS.md"?: string } = {};
  for (const name of ["CLAUDE.md", "AGENTS.md"] as const) {
    // The mode tells a file from a symbolic link, whose blob is only the name of its target.
    const entry = await git.git({ run }, ["ls-tree", "-z", "--end-of-options", commit, "--", name]);
    const blob = /^100(?:644|755) blob ([0-9a-f]{40})\t/.exec(entry.stdout.toString("utf8"))?.[1];
    if (!blob) continue;
    const text = await git.git({ run }, ["cat-file", "blob", blob], { limitBytes: 65_536, truncate: true });
    if (text.exitCode === 0) found[name] = text.stdout.toString("utf8");
  }
  return found;
}
