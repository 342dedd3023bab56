import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { git } from "./git.ts";
import { GitHubError } from "./github-error.ts";

export interface TreeEntry {
  path: string;
  mode: string;
  /** Null takes the path out. */
  sha: string | null;
}

/** An empty, "." or ".." component, or git's own folder in any spelling. */
const malformed = /(^|\/)(\.{0,2}|\.git)(\/|$)/i;

/** Writes the tree that `base` (a commit or tree; undefined: nothing) becomes with these entries, and returns its name. Throws
 *  GitHubError 422 for a path that no tree may hold. */
export async function writeTree(of: { folder: string; base: string | undefined; entries: TreeEntry[] }): Promise<string> {
  if (of.entries.some(({ path }) => malformed.test(path))) throw new GitHubError(422, "path contains a malformed path component");
  const index = join(of.folder, `index-${randomUUID()}`);
  const env = { GIT_INDEX_FILE: index };
  try {
    await git(of.folder, of.base === undefined ? ["read-tree", "--empty"] : ["read-tree", of.base], { env });
    for (const { path, sha } of of.entries.filter((entry) => entry.mode === "040000")) {
      if (sha === null) continue;
      await git(of.folder, ["read-tree", `--prefix=${path}/`, sha], { env });
    }
    const lines = of.entries
      .filter((entry) => entry.mode !== "040000")
      .map(({ path, mode, sha }) => (sha === null ? `0 ${"0".repeat(40)}\t${path}` : `${mode} ${sha}\t${path}`));
    await git(of.folder, ["update-index", "-z", "--index-info"], { env, input: lines.map((line) => `${line}\0`).join("") });
    return (await git(of.folder, ["write-tree"], { env })).trim();
  } finally {
    await rm(index, { force: true });
  }
}
