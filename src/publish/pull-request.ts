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
    });
    return { number: data.number, url: data.html_url, head: wanted.head };
  } catch (error) {
    // 422 also says that one exists: made by an attempt whose answer was lost.
    const made = statusOf(error) === 422 ? await findOwn(api, wanted) : undefined;
    if (made === undefined) throw error;
    const { data } = await api.rest.pulls.get({ owner, repo, pull_number: made });
    return { number: data.number, url: data.html_url, head: wanted.head };
  }
}

async function findOwn(api: Api, { owner, repo, branch, target, botId }: Wanted): Promise<number | undefined> {
  const { data } = await api.rest.pulls.list({
    owner,
    repo,
    head: `${owner}:${branch}`,
    base: target,
    state: "open",
    per_page: 100,
  });
  // Anybody may have opened a pull request from our branch: that one is theirs, and its text stays.
  return data.find((pull) => pull.user?.id === botId && pull.head.ref === branch)?.number;
}
