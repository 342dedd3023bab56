import type { Api } from "../github/api.ts";
import { mayRun, readPermission } from "../github/permission.ts";
import type { RunRequest } from "../run/request.ts";

export interface TrustedComment {
  author: string;
  text: string;
}

/**
 * What people with write access wrote before the request, and did not change since: nothing else was authorised. Oldest first,
 * at most `limit` of the newest. Bots are no people.
 */
export async function readTrustedComments(api: Api, request: RunRequest, limit: number): Promise<TrustedComment[]> {
  const { owner, name: repo, subject, askedAtMs } = request;
  const trusted = new Map<number, boolean>();
  const kept: TrustedComment[] = [];
  const pages = api.paginate.iterator(api.rest.issues.listComments, { owner, repo, issue_number: subject.number, per_page: 100 });
  for await (const { data } of pages)
    for (const comment of data) {
      const { user } = comment;
      if (user?.type !== "User" || comment.performed_via_github_app) continue;
      if (Date.parse(comment.created_at) > askedAtMs || Date.parse(comment.updated_at) > askedAtMs) continue;
      if (/^\/agent(?:\s|$)/.test(comment.body ?? "")) continue;
      const known = trusted.get(user.id) ?? mayRun(await readPermission(api, { owner, repo, login: user.login, id: user.id }));
      trusted.set(user.id, known);
      if (known) kept.push({ author: user.login, text: comment.body ?? "" });
    }
  return kept.slice(-limit);
}
