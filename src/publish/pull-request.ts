import { type Api, statusOf } from "../github/api.ts";
import type { Sha } from "../run/identity.ts";
import type { PullRequestRef } from "../run/state.ts";

interface Wanted {
  owner: string;
  repo: string;
  branch: string;
  target: string;
  head: Sha;
  title: string;
  body: string;
  botId: number;
  draft?: boolean;
}

/** The pull request of this branch: ours that is open is brought up to date, otherwise one is opened. Found again by branch and author. */
export async function ensurePullRequest(api: Api, wanted: Wanted): Promise<PullRequestRef> {
  const { owner, repo, body } = wanted;
  const known = await findOwn(api, wanted);
  if (known !== undefined) {
    const { data } = await api.rest.pulls.update({ owner, repo, pull_number: known, body });
    return { number: data.number, url: data.html_url, head: wanted.head };
  }
  try {
    const { data } = await api.rest.pulls.create({
      owner,
      repo,
      head: wanted.branch,
      base: wanted.target,
      title: wanted.title,
      body,
      ...(wanted.draft && { draft: true }),
    });
    return { number: data.number, url: data.html_url, head: wanted.head };
  } catch (error) {
    // 422 also says that one exists: opened by a person from our branch. It is theirs: the work is in it, and its text stays.
    const theirs = statusOf(error) === 422 ? (await listOpen(api, wanted))[0] : undefined;
    if (theirs === undefined) throw error;
    return { number: theirs.number, url: theirs.html_url, head: wanted.head };
  }
}

async function findOwn(api: Api, wanted: Wanted): Promise<number | undefined> {
  return (await listOpen(api, wanted)).find((pull) => pull.user?.id === wanted.botId)?.number;
}

async function listOpen(api: Api, { owner, repo, branch, target }: Wanted) {
  const { data } = await api.rest.pulls.list({
    owner,
    repo,
    head: `${owner}:${branch}`,
    base: target,
    state: "open",
    per_page: 100,
  });
  // The owner may have another fork of this repository, with a branch of the same name.
  return data.filter((pull) => pull.head.ref === branch && pull.head.repo?.id === pull.base.repo.id);
}
