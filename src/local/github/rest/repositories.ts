import { type Call, inRepository, page, type Reply, type RepositoryCall, type Routes, text } from "../call.ts";
import { readDiff, renderFiles } from "../diff.ts";
import { findCommit, findRef, git, listRefs, tryGit } from "../git.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { movedTo } from "../moved.ts";
import { roleOf } from "../permissions.ts";
import { renderUser } from "../render/accounts.ts";
import { readCommit, readCommits, renderCommit } from "../render/commits.ts";
import { apiUrl, htmlUrl, renderFullRepository, rolePermissions } from "../render/repositories.ts";
import type { Role } from "../state.ts";

export const repositoryRoutes: Routes = {
  "repos/get": inRepository(["metadata:read"], "read", (call) => ({
    status: 200,
    json: renderFullRepository(
      call.world,
      call.repository,
      call.actor.kind === "user" ? roleOf(call.repository, call.actor.account) : undefined,
    ),
  })),
  "repos/get-branch": inRepository(["contents:read"], "read", getBranch),
  "repos/list-branches": inRepository(["contents:read"], "read", listBranches),
  "repos/list-commits": inRepository(["contents:read"], "read", listCommits),
  "repos/get-commit": inRepository(["contents:read"], "read", getCommit),
  "repos/compare-commits-with-basehead": inRepository(["contents:read"], "read", compare),
  "repos/get-collaborator-permission-level": inRepository(["metadata:read"], "write", getPermission),
};

async function getBranch(call: RepositoryCall): Promise<Reply> {
  const { world, repository } = call;
  const name = text(call, "branch");
  const sha = await findRef(repository.folder, `refs/heads/${name}`);
  const renamed = repository.formerBranches.get(name);
  if (sha === undefined && renamed !== undefined)
    throw movedTo(world, call.address, { repository, rest: `/branches/${renamed}` });
  if (sha === undefined) throw new GitHubError(404, "Branch not found");
  const url = `${apiUrl(world, repository)}/branches/${name}`;
  return {
    status: 200,
    json: {
      name,
      commit: renderCommit(call, await readCommit(repository.folder, sha)),
      _links: { self: url, html: `${htmlUrl(world, repository)}/tree/${name}` },
      protected: false,
      protection: { enabled: false, required_status_checks: { enforcement_level: "off", contexts: [], checks: [] } },
      protection_url: `${url}/protection`,
    },
  };
}

async function listBranches(call: RepositoryCall): Promise<Reply> {
  const refs = await listRefs(call.repository.folder, "refs/heads/");
  return page(call, refs, (shown) =>
    shown.map(({ ref, sha }) => ({
      name: ref.slice("refs/heads/".length),
      commit: { sha, url: `${apiUrl(call.world, call.repository)}/commits/${sha}` },
      protected: false,
    })),
  );
}

async function listCommits(call: RepositoryCall): Promise<Reply> {
  const from = await findCommit(call.repository.folder, String(call.params.sha ?? call.repository.defaultBranch));
  if (from === undefined) throw notFound();
  const path = call.params.path === undefined ? [] : [`:(literal)${call.params.path}`];
  const commits = await readCommits(call.repository.folder, [from, "--", ...path]);
  return page(call, commits, (shown) => shown.map((commit) => renderCommit(call, commit)));
}

async function getCommit(call: RepositoryCall): Promise<Reply> {
  const { world, repository } = call;
  const sha = await findCommit(repository.folder, text(call, "ref"));
  if (sha === undefined) throw new GitHubError(422, `No commit found for SHA: ${text(call, "ref")}`);
  const commit = await readCommit(repository.folder, sha);
  const from = commit.parents[0] ?? (await emptyTree(repository.folder));
  if (isDiff(call))
    return {
      status: 200,
      raw: { type: "application/vnd.github.diff; charset=utf-8", text: await readDiff(repository.folder, from, sha) },
    };
  const files = await renderFiles({ world, repository, from, to: sha });
  return { status: 200, json: { ...renderCommit(call, commit), stats: stats(files), files } };
}

async function compare(call: RepositoryCall): Promise<Reply> {
  const { world, repository } = call;
  const { folder } = repository;
  const [left = "", right = ""] = text(call, "basehead").split("...");
  const base = await findCommit(folder, left.split(":").at(-1) ?? "");
  const head = await findCommit(folder, right.split(":").at(-1) ?? "");
  if (base === undefined || head === undefined) throw notFound();
  const merge = (await tryGit(folder, ["merge-base", base, head]))?.trim();
  if (merge === undefined) throw new GitHubError(404, `No common ancestor between ${left} and ${right}.`);
  if (isDiff(call))
    return {
      status: 200,
      raw: { type: "application/vnd.github.diff; charset=utf-8", text: await readDiff(folder, merge, head) },
    };
  const commits = await readCommits(folder, ["--reverse", `${base}..${head}`, "--"]);
  const behind = Number((await git(folder, ["rev-list", "--count", `${head}..${base}`, "--"])).trim());
  const ahead = commits.length;
  const html = `${htmlUrl(world, repository)}/compare/${left}...${right}`;
  return {
    status: 200,
    json: {
      url: `${apiUrl(world, repository)}/compare/${left}...${right}`,
      html_url: html,
      permalink_url: `${htmlUrl(world, repository)}/compare/${base}...${head}`,
      diff_url: `${html}.diff`,
      patch_url: `${html}.patch`,
      base_commit: renderCommit(call, await readCommit(folder, base)),
      merge_base_commit: renderCommit(call, await readCommit(folder, merge)),
      status: ahead > 0 ? (behind > 0 ? "diverged" : "ahead") : behind > 0 ? "behind" : "identical",
      ahead_by: ahead,
      behind_by: behind,
      total_commits: ahead,
      commits: commits.map((commit) => renderCommit(call, commit)),
      files: await renderFiles({ world, repository, from: merge, to: head }),
    },
  };
}

/** The old four words for the permission, with the finer role beside: triage reads, maintain writes. */
function getPermission(call: RepositoryCall): Reply {
  const account = call.world.accounts.find(({ login }) => login.toLowerCase() === text(call, "username").toLowerCase());
  if (account === undefined || account.type === "Organization")
    throw new GitHubError(404, `${text(call, "username")} is not a user`);
  const role = roleOf(call.repository, account);
  const words: Record<Role, string> = { read: "read", triage: "read", write: "write", maintain: "write", admin: "admin" };
  const user = {
    ...renderUser(call.world, account),
    permissions: role === undefined ? noPermissions : rolePermissions(role),
    role_name: role ?? "none",
  };
  return { status: 200, json: { permission: role === undefined ? "none" : words[role], user, role_name: role ?? "none" } };
}

const noPermissions = { admin: false, maintain: false, push: false, triage: false, pull: false };

export async function emptyTree(folder: string): Promise<string> {
  return (await git(folder, ["hash-object", "-t", "tree", "-w", "--stdin"], { input: "" })).trim();
}

function stats(files: Record<string, unknown>[]): Record<string, number> {
  const sum = (key: string): number => files.reduce((total, file) => total + Number(file[key]), 0);
  return { additions: sum("additions"), deletions: sum("deletions"), total: sum("changes") };
}

export function isDiff(call: Call): boolean {
  return /\.diff\b/.test(call.accept);
}
