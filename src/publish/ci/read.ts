import type { GitHost } from "../../git/client.ts";
import { type Api, statusOf } from "../../github/api.ts";
import type { RunId, Sha } from "../../run/identity.ts";
import type { WorkflowFiles } from "./gate.ts";

const folder = ".github/workflows";
const maxFiles = 60;
const maxBytes = 512 * 1024;

/** The workflow files of a commit in the run's repository, as its tree has them. */
export async function readOwnWorkflows(git: GitHost, run: RunId, commit: Sha): Promise<WorkflowFiles> {
  const at = "the branch";
  const args = ["ls-tree", "-z", "--full-tree", "--end-of-options", commit, `${folder}/`];
  const listed = await git.git({ run }, args);
  if (listed.exitCode !== 0) return { at, files: undefined };
  const entries = listed.stdout
    .toString("utf8")
    .split("\0")
    .filter((line) => line !== "");
  const files: { path: string; text: string }[] = [];
  for (const line of entries) {
    const [, mode, type, id, path] = /^(\d{6}) (\w+) ([0-9a-f]{40})\t([\s\S]+)$/.exec(line) ?? [];
    if (!path || !isWorkflow(path)) continue;
    // A link: where it leads is not what GitHub or this reads for certain.
    if (type !== "blob" || mode === "120000" || files.length >= maxFiles) return { at, files: undefined };
    const output = await git.git({ run }, ["cat-file", "blob", id ?? ""], { limitBytes: maxBytes, truncate: true });
    if (output.exitCode !== 0 || output.truncated) return { at, files: undefined };
    files.push({ path, text: output.stdout.toString("utf8") });
  }
  return { at, files };
}

/** Those of a branch as GitHub has it at this moment. */
export async function readTheirWorkflows(api: Api, of: { owner: string; repo: string; branch: string }): Promise<WorkflowFiles> {
  const { owner, repo, branch } = of;
  const ref = `refs/heads/${branch}`;
  const files: { path: string; text: string }[] = [];
  try {
    const { data } = await api.rest.repos.getContent({ owner, repo, path: folder, ref });
    if (!Array.isArray(data)) return { at: branch, files: undefined };
    for (const { path, type, size } of data) {
      if (!isWorkflow(path)) continue;
      if (type !== "file" || size > maxBytes || files.length >= maxFiles) return { at: branch, files: undefined };
      const { data: file } = await api.rest.repos.getContent({ owner, repo, path, ref });
      if (Array.isArray(file) || !("content" in file) || file.encoding !== "base64") return { at: branch, files: undefined };
      files.push({ path, text: Buffer.from(file.content, "base64").toString("utf8") });
    }
  } catch (error) {
    // No such folder, or no such branch: nothing there runs.
    if (statusOf(error) !== 404) throw error;
  }
  return { at: branch, files };
}

function isWorkflow(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}
