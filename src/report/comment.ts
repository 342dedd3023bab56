import type { Api } from "../github/api.ts";
import type { RunId } from "../run/identity.ts";

/** Found again by the marker and by who wrote it: anybody can type the marker, nobody else can be the App's bot. A person who
 *  writes through the App is still that person. */
export function commentMarker(run: RunId): string {
  return `<!-- airlock:run=${run} -->`;
}

/** One comment for the run, however often this is called or killed. Answers its id. */
export async function ensureComment(
  api: Api,
  input: { botId: number; owner: string; repo: string; number: number; run: RunId; body: string; sinceMs: number },
): Promise<number> {
  const { owner, repo, number } = input;
  const marker = commentMarker(input.run);
  const body = `${marker}\n${input.body}`;
  // `since` looks at the last change; the run's comment is never older than the run. A minute for GitHub's clock.
  const pages = api.paginate.iterator(api.rest.issues.listComments, {
    owner,
    repo,
    issue_number: number,
    since: new Date(input.sinceMs - 60_000).toISOString(),
    per_page: 100,
  });
  for await (const { data } of pages)
    for (const comment of data) {
      if (comment.user?.id !== input.botId || !comment.body?.startsWith(marker)) continue;
      if (comment.body !== body) await api.rest.issues.updateComment({ owner, repo, comment_id: comment.id, body });
      return comment.id;
    }
  const { data } = await api.rest.issues.createComment({ owner, repo, issue_number: number, body });
  return data.id;
}
