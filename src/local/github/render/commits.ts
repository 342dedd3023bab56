import { git } from "../git.ts";
import { type Account, nodeId, type Repository, type World } from "../state.ts";
import { renderUser } from "./accounts.ts";
import { apiUrl, htmlUrl } from "./repositories.ts";

export interface Person {
  name: string;
  email: string;
  date: string;
}

export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  author: Person;
  committer: Person;
  message: string;
}

const format = ["%H", "%T", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%B"].join("%x00");

/** Commits as git tells them, in the order of `git log ARGS`. */
export async function readCommits(folder: string, args: string[]): Promise<Commit[]> {
  const out = await git(folder, ["log", "-z", `--format=tformat:${format}%x01`, ...args]);
  return out
    .split("\u0001\u0000")
    .filter((record) => record !== "")
    .map((record) => {
      const [sha = "", tree = "", parents = "", an = "", ae = "", at = "", cn = "", ce = "", ct = "", ...message] =
        record.split("\u0000");
      return {
        sha,
        tree,
        parents: parents.split(" ").filter((parent) => parent !== ""),
        author: { name: an, email: ae, date: isoOf(at) },
        committer: { name: cn, email: ce, date: isoOf(ct) },
        message: message.join("\u0000").replace(/\n+$/, ""),
      };
    });
}

export async function readCommit(folder: string, sha: string): Promise<Commit> {
  const [commit] = await readCommits(folder, ["-1", sha, "--"]);
  if (commit === undefined) throw new Error(`no commit ${sha}`);
  return commit;
}

interface In {
  world: World;
  repository: Repository;
}

/** GitHub's "git commit" (git/commits). */
export function renderGitCommit({ world, repository }: In, commit: Commit): Record<string, unknown> {
  const url = apiUrl(world, repository);
  return {
    sha: commit.sha,
    node_id: nodeId("C", repository.id) + commit.sha,
    url: `${url}/git/commits/${commit.sha}`,
    html_url: `${htmlUrl(world, repository)}/commit/${commit.sha}`,
    author: commit.author,
    committer: commit.committer,
    tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${url}/git/commits/${sha}`,
      html_url: `${htmlUrl(world, repository)}/commit/${sha}`,
    })),
    verification: unsigned(),
  };
}

/** GitHub's "commit" (commits, pulls/N/commits, compare): with the accounts behind the addresses. */
export function renderCommit({ world, repository }: In, commit: Commit): Record<string, unknown> {
  const url = apiUrl(world, repository);
  const person = (found: Account | undefined) => (found === undefined ? null : renderUser(world, found));
  return {
    sha: commit.sha,
    node_id: nodeId("C", repository.id) + commit.sha,
    url: `${url}/commits/${commit.sha}`,
    html_url: `${htmlUrl(world, repository)}/commit/${commit.sha}`,
    comments_url: `${url}/commits/${commit.sha}/comments`,
    commit: {
      url: `${url}/git/commits/${commit.sha}`,
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
      comment_count: 0,
      verification: unsigned(),
    },
    author: person(findByEmail(world, commit.author.email)),
    committer: person(findByEmail(world, commit.committer.email)),
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${url}/commits/${sha}`,
      html_url: `${htmlUrl(world, repository)}/commit/${sha}`,
    })),
  };
}

/** The address that GitHub knows an account by: ID+login@users.noreply.github.com. */
export function noreplyEmail(account: Account): string {
  return `${account.id}+${account.login}@users.noreply.github.com`;
}

function findByEmail(world: World, email: string): Account | undefined {
  return world.accounts.find((account) => noreplyEmail(account) === email);
}

function unsigned(): Record<string, unknown> {
  return { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };
}

function isoOf(seconds: string): string {
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}Z`;
}
