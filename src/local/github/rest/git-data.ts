import { inRepository, type Reply, type RepositoryCall, type Routes, text } from "../call.ts";
import { git, gitBytes, tryGit } from "../git.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { readCommit, renderGitCommit } from "../render/commits.ts";
import { apiUrl } from "../render/repositories.ts";
import { nodeId } from "../state.ts";
import { type TreeEntry, writeTree } from "../write-tree.ts";
import { commitTree, type Person, personsOf } from "./contents.ts";

/** Commits, trees and blobs as git objects. */
export const gitDataRoutes: Routes = {
  "git/create-commit": inRepository(["contents:write"], "write", createCommit),
  "git/get-commit": inRepository(["contents:read"], "read", async (call) => {
    await mustBe(call, text(call, "commit_sha"), "commit");
    return { status: 200, json: renderGitCommit(call, await readCommit(call.repository.folder, text(call, "commit_sha"))) };
  }),
  "git/create-tree": inRepository(["contents:write"], "write", createTree),
  "git/get-tree": inRepository(["contents:read"], "read", async (call) => ({
    status: 200,
    json: await renderTree(call, text(call, "tree_sha"), call.params.recursive !== undefined),
  })),
  "git/create-blob": inRepository(["contents:write"], "write", createBlob),
  "git/get-blob": inRepository(["contents:read"], "read", getBlob),
};

async function createCommit(call: RepositoryCall): Promise<Reply> {
  const body = call.body as { message: string; tree: string; parents?: string[]; author?: Person; committer?: Person };
  await mustExist(call, body.tree, "tree", "Tree SHA does not exist");
  for (const parent of body.parents ?? [])
    await mustExist(call, parent, "commit", "Parent SHA does not exist or is not a commit object");
  const { repository } = call;
  const sha = await commitTree({
    repository,
    tree: body.tree,
    parents: body.parents ?? [],
    message: body.message,
    ...personsOf(call, body),
  });
  const json = renderGitCommit(call, await readCommit(repository.folder, sha));
  return { status: 201, json, headers: { location: String(json.url) } };
}

async function createTree(call: RepositoryCall): Promise<Reply> {
  const body = call.body as { base_tree?: string; tree: { path: string; mode: string; sha?: string | null; content?: string }[] };
  const { folder } = call.repository;
  if (body.base_tree !== undefined && (await tryGit(folder, ["cat-file", "-e", `${body.base_tree}^{tree}`])) === undefined)
    throw new GitHubError(404, "base_tree is not a valid tree oid");
  const entries: TreeEntry[] = [];
  for (const { path, mode, sha, content } of body.tree) {
    const blob = content === undefined ? sha : (await git(folder, ["hash-object", "-w", "--stdin"], { input: content })).trim();
    if (blob === undefined) throw new GitHubError(422, "Must supply either tree.sha or tree.content");
    if (blob !== null)
      await mustExist(
        call,
        blob,
        mode === "040000" ? "tree" : "blob",
        `tree.sha ${blob} is not a valid ${mode === "040000" ? "tree" : "blob"}`,
      );
    entries.push({ path, mode, sha: blob });
  }
  return { status: 201, json: await renderTree(call, await writeTree({ folder, base: body.base_tree, entries }), false) };
}

async function renderTree(call: RepositoryCall, name: string, recursive: boolean): Promise<Record<string, unknown>> {
  const { folder } = call.repository;
  const sha = (await tryGit(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{tree}`]))?.trim();
  if (sha === undefined) throw notFound();
  const out = await git(folder, ["ls-tree", "-z", "-l", ...(recursive ? ["-r", "-t"] : []), sha]);
  const url = `${apiUrl(call.world, call.repository)}/git`;
  const tree = out
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [meta = "", path = ""] = line.split("\t");
      const [mode, type = "", entry, size] = meta.split(/\s+/);
      return {
        path,
        mode,
        type,
        sha: entry,
        ...(type === "blob" ? { size: Number(size) } : {}),
        url: `${url}/${type}s/${entry}`,
      };
    });
  return { sha, url: `${url}/trees/${sha}`, tree, truncated: false };
}

async function createBlob(call: RepositoryCall): Promise<Reply> {
  const { content, encoding = "utf-8" } = call.body as { content: string; encoding?: string };
  const input = Buffer.from(content, encoding === "base64" ? "base64" : "utf8");
  const sha = (await git(call.repository.folder, ["hash-object", "-w", "--stdin"], { input })).trim();
  return { status: 201, json: { sha, url: `${apiUrl(call.world, call.repository)}/git/blobs/${sha}` } };
}

async function getBlob(call: RepositoryCall): Promise<Reply> {
  const sha = text(call, "file_sha");
  await mustBe(call, sha, "blob");
  const bytes = await gitBytes(call.repository.folder, ["cat-file", "blob", sha]);
  const url = `${apiUrl(call.world, call.repository)}/git/blobs/${sha}`;
  const json = {
    sha,
    node_id: nodeId("B", call.repository.id) + sha,
    size: bytes.length,
    url,
    content: bytes.toString("base64"),
    encoding: "base64",
  };
  return { status: 200, json };
}

async function mustBe(call: RepositoryCall, sha: string, type: string): Promise<void> {
  if (!/^[0-9a-f]{40}$/.test(sha))
    throw new GitHubError(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].");
  if ((await tryGit(call.repository.folder, ["cat-file", "-t", sha]))?.trim() !== type) throw notFound();
}

async function mustExist(call: RepositoryCall, sha: string, type: string, message: string): Promise<void> {
  const found = /^[0-9a-f]{40}$/.test(sha) && (await tryGit(call.repository.folder, ["cat-file", "-t", sha]))?.trim() === type;
  if (!found) throw new GitHubError(422, message);
}
