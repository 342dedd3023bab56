import { Fault } from "../../fault.ts";
import { seedIssue } from "../../local/github/seed.ts";
import type { LocalGitHub } from "../../local/github/start.ts";

/** Does what a maintainer would: writes the issue, then labels it. */
export async function labelIssue(github: LocalGitHub): Promise<{ number: number; title: string; url: string }> {
  const issue = await post(github, "/repos/acme/shop/issues", seedIssue);
  const { number, title, html_url: url } = issue as { number: number; title: string; html_url: string };
  await post(github, `/repos/acme/shop/issues/${number}/labels`, { labels: ["agent"] });
  return { number, title, url };
}

async function post(github: LocalGitHub, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${github.api}${path}`, {
    method: "POST",
    headers: { authorization: `token ${github.users.maintainer.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Fault("demo.github", `The local GitHub answered ${response.status} on ${path}`, {
      remedy: "Report this",
      cause: await response.text(),
    });
  return response.json();
}
