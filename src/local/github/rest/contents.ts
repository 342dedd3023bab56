import { inRepository, type Reply, type RepositoryCall, type Routes, text, writer } from "../call.ts";
import { findCommit, findRef, git, gitBytes, tryGit } from "../git.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { followRefUpdate } from "../refs.ts";
import { noreplyEmail, readCommit, renderGitCommit } from "../render/commits.ts";
import { apiUrl, htmlUrl } from "../render/repositories.ts";
import type { Repository } from "../state.ts";
import { isWorkflow, workflowRefusal } from "../workflows.ts";
import { writeTree } from "../write-tree.ts";

export const contentRoutes: Routes = {
  "repos/get-content": inRepository(["contents:read"], "read", getContent),
  "repos/create-or-update-file-contents": inRepository(["contents:write"], "write", putContent),
};

async function getContent(call: RepositoryCall): Promise<Reply> {
  const { folder, defaultBranch } = call.repository;
  const ref = String(call.params.ref ?? defaultBranch);
  const commit = await findCommit(folder, ref);
  if (commit === undefined) throw new GitHubError(404, `No commit found for the ref ${ref}`);
  const path = text(call, "path").replace(/^\/+|\/+$/g, "");
  const object = `${commit}:${path}`;
  const type = (await tryGit(folder, ["cat-file", "-t", object]))?.trim();
  if (type === "tree") return listFolder(call, { commit, path, ref });
  if (type !== "blob") throw notFound();
  const bytes = await gitBytes(folder, ["cat-file", "blob", object]);
  if (/\.raw\b/.test(call.accept))
    return { status: 200, raw: { type: "application/vnd.github.raw; charset=utf-8", text: bytes } };
  const sha = (await git(folder, ["rev-parse", object])).trim();
  const file = renderEntry(call, { path, sha, type: "file", size: bytes.length, ref });
  return { status: 200, json: { ...file, encoding: "base64", content: bytes.toString("base64").replaceAll(/(.{60})/g, "$1\n") } };
}

async function listFolder(call: RepositoryCall, of: { commit: string; path: string; ref: string }): Promise<Reply> {
  const out = await git(call.repository.folder, ["ls-tree", "-z", "-l", `${of.commit}:${of.path}`]);
  const entries = out.split("\0").filter((line) => line !== "");
  const json = entries.map((line) => {
    const [meta = "", name = ""] = line.split("\t");
    const [mode, kind, sha = "", size] = meta.split(/\s+/);
    const type = kind === "tree" ? "dir" : mode === "120000" ? "symlink" : kind === "commit" ? "submodule" : "file";
    return renderEntry(call, {
      path: of.path === "" ? name : `${of.path}/${name}`,
      sha,
      type,
      size: Number(size) || 0,
      ref: of.ref,
    });
  });
  return { status: 200, json };
}

function renderEntry(
  call: RepositoryCall,
  entry: { path: string; sha: string; type: string; size: number; ref: string },
): Record<string, unknown> {
  const { world, repository } = call;
  const path = encodeURIComponent(entry.path).replaceAll("%2F", "/");
  const self = `${apiUrl(world, repository)}/contents/${path}?ref=${encodeURIComponent(entry.ref)}`;
  const kind = entry.type === "dir" ? "tree" : "blob";
  const html = `${htmlUrl(world, repository)}/${kind}/${entry.ref}/${path}`;
  const gitUrl = `${apiUrl(world, repository)}/git/${kind}s/${entry.sha}`;
  return {
    name: entry.path.split("/").at(-1),
    path: entry.path,
    sha: entry.sha,
    size: entry.size,
    url: self,
    html_url: html,
    git_url: gitUrl,
    download_url: entry.type === "dir" ? null : `${htmlUrl(world, repository)}/raw/${entry.ref}/${path}`,
    type: entry.type,
    _links: { self, git: gitUrl, html },
  };
}

async function putContent(call: RepositoryCall): Promise<Reply> {
  const { world, repository } = call;
  const body = call.body as {
    message: string;
    content: string;
    sha?: string;
    branch?: string;
    author?: Person;
    committer?: Person;
  };
  const path = text(call, "path");
  if (isWorkflow(path)) {
    const refusal = workflowRefusal(call.actor, path);
    if (refusal !== undefined) throw new GitHubError(403, refusal);
  }
  const branch = body.branch ?? repository.defaultBranch;
  const before = await findRef(repository.folder, `refs/heads/${branch}`);
  if (before === undefined) throw new GitHubError(404, `Branch ${branch} not found`);
  const known = (await tryGit(repository.folder, ["rev-parse", "--verify", "--quiet", `${before}:${path}`]))?.trim();
  if (known !== undefined && body.sha === undefined) throw new GitHubError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.');
  if (body.sha !== undefined && body.sha !== known) throw new GitHubError(409, `${path} does not match ${body.sha}`);
  const content = Buffer.from(body.content, "base64");
  const blob = (await git(repository.folder, ["hash-object", "-w", "--stdin"], { input: content })).trim();
  const tree = await writeTree({ folder: repository.folder, base: before, entries: [{ path, mode: "100644", sha: blob }] });
  const after = await commitTree({ repository, tree, parents: [before], message: body.message, ...personsOf(call, body) });
  const moved = await tryGit(repository.folder, ["update-ref", `refs/heads/${branch}`, after, before]);
  if (moved === undefined) throw new GitHubError(409, `${branch} is no longer at ${before}`);
  const commit = await readCommit(repository.folder, after);
  await followRefUpdate(
    { world, webhooks: call.webhooks, repository, sender: writer(call.actor) },
    { ref: `refs/heads/${branch}`, before, after },
  );
  const json = {
    content: renderEntry(call, { path, sha: blob, type: "file", size: content.length, ref: branch }),
    commit: renderGitCommit(call, commit),
  };
  return { status: known === undefined ? 201 : 200, json };
}

export interface Person {
  name: string;
  email: string;
  date?: string;
}

/** Who wrote a commit made through REST: the caller, unless the request names somebody. */
export function personsOf(
  call: RepositoryCall,
  body: { author?: Person; committer?: Person },
): { author: Person; committer: Person } {
  const account = writer(call.actor);
  const self = { name: account.login, email: noreplyEmail(account) };
  const author = body.author ?? body.committer ?? self;
  return { author, committer: body.committer ?? body.author ?? self };
}

export async function commitTree(of: {
  repository: Repository;
  tree: string;
  parents: string[];
  message: string;
  author: Person;
  committer: Person;
}): Promise<string> {
  const now = new Date().toISOString();
  const args = ["commit-tree", of.tree, ...of.parents.flatMap((parent) => ["-p", parent])];
  const env = {
    GIT_AUTHOR_NAME: of.author.name,
    GIT_AUTHOR_EMAIL: of.author.email,
    GIT_AUTHOR_DATE: of.author.date ?? now,
    GIT_COMMITTER_NAME: of.committer.name,
    GIT_COMMITTER_EMAIL: of.committer.email,
    GIT_COMMITTER_DATE: of.committer.date ?? now,
  };
  return (await git(of.repository.folder, args, { input: of.message, env })).trim();
}
