import type { Api } from "../github/api.ts";
import type { RunId } from "../run/identity.ts";

/** Found again by the marker and by who wrote it: anybody can type the marker, nobody else can be the App's bot. A person who
 *  writes through the App is still that person. */
export function commentMarker(run: RunId): string {
  return `<!-- airlock:run=${run} -->`;
}

interface Where {
  botId: number;
  owner: string;
  repo: string;
  number: number;
  run: RunId;
  sinceMs: number;
}

/** One comment for the run, however often this is called or killed. Answers its id. */
export async function ensureComment(api: Api, input: Where & { body: string }): Promise<number> {
  const { owner, repo, number } = input;
  const body = `${commentMarker(input.run)}\n${input.body}`;
  const known = await findOwnComment(api, input);
  if (known && known.body !== body) await api.rest.issues.updateComment({ owner, repo, comment_id: known.id, body });
  if (known) return known.id;
  const { data } = await api.rest.issues.createComment({ owner, repo, issue_number: number, body });
  return data.id;
}

export interface OwnComment {
  id: number;
  body: string;
  /** When it was last written, by GitHub's clock, in whole seconds. */
  changedAtMs: number;
}

/** The run's comment, or any of ours that begins with `marker`. */
export async function findOwnComment(
  api: Api,
  at: Omit<Where, "run"> & ({ run: RunId; marker?: undefined } | { marker: string }),
): Promise<OwnComment | undefined> {
  const marker = at.marker ?? commentMarker(at.run);
  // `since` looks at the last change; the run's comment is never older than the run. A minute for GitHub's clock.
  const pages = api.paginate.iterator(api.rest.issues.listComments, {
    owner: at.owner,
    repo: at.repo,
    issue_number: at.number,
    since: new Date(at.sinceMs - 60_000).toISOString(),
    per_page: 100,
  });
  for await (const { data } of pages)
    for (const { id, body, user, updated_at } of data)
      if (user?.id === at.botId && body?.startsWith(marker)) return { id, body, changedAtMs: Date.parse(updated_at) };
  return undefined;
}
