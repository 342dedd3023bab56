import type { PersonName } from "../../src/local/github/people.ts";
import type { LocalGitHub } from "../../src/local/github/start.ts";

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: GitHub's answers are held to GitHub's own description on their way out
  json: any;
}

export interface CommentSeen {
  id: number;
  body: string;
  user: { login: string };
  created_at: string;
  updated_at: string;
}

export interface CheckSeen {
  id: number;
  name: string;
  head_sha: string;
  external_id: string;
  status: string;
  conclusion: string | null;
  details_url: string;
  output: { title: string | null; summary: string | null };
}

/** People on the local GitHub, by GitHub's own REST and nothing else. Paths begin below /repos/acme/shop. */
export interface People {
  /** Any answer, also a refusal. */
  ask(who: PersonName, method: string, path: string, body?: unknown): Promise<Answer>;
  openIssue(of: { shell?: string; title?: string; body?: string }): Promise<number>;
  setLabel(issue: number, who?: PersonName): Promise<void>;
  takeLabel(issue: number, label: string, who?: PersonName): Promise<void>;
  /** Answers the comment's id. */
  comment(issue: number, body: string, who?: PersonName): Promise<number>;
  commentsOn(issue: number): Promise<CommentSeen[]>;
  /** Only the App's. */
  answersOn(issue: number): Promise<CommentSeen[]>;
  labelsOf(issue: number): Promise<string[]>;
  /** On the issue, or on a comment of it. */
  reactionsTo(at: { issue: number } | { comment: number }): Promise<string[]>;
  checksOn(commit: string): Promise<CheckSeen[]>;
  tipOf(branch: string): Promise<string | undefined>;
  /** A commit on `branch`, which is made from main where it is missing. Answers the commit. */
  commit(of: { branch: string; path: string; content: string; repository?: string; who?: PersonName }): Promise<string>;
}

/** A command for the agent, as an issue or a comment carries it to the local model. */
export function shellBlock(command: string): string {
  return `\`\`\`airlock-sh\n${command}\n\`\`\``;
}

/** A shell command by which the agent's shell shows that it has come so far: see `inShell`. */
export const signOfLife = "curl -s -o /tmp/answer http://127.0.0.1:8090/sign-of-life";

export function createPeople(github: LocalGitHub): People {
  const send = async (who: PersonName, method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${github.api}${path}`, {
      method,
      headers: { authorization: `token ${github.users[who].token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
  };
  const ask: People["ask"] = (who, method, path, body) => send(who, method, `/repos/acme/shop${path}`, body);
  const need = async (answer: Promise<Answer>): Promise<Answer["json"]> => {
    const { status, json } = await answer;
    if (status >= 300) throw new Error(`GitHub answered ${status}: ${JSON.stringify(json)}`);
    return json;
  };
  const read = (path: string) => need(ask("maintainer", "GET", path));
  const commentsOn = (issue: number): Promise<CommentSeen[]> => read(`/issues/${issue}/comments?per_page=100`);

  return {
    ask,
    async openIssue({ shell, title = "A job for the agent", body = "" }) {
      const text = shell === undefined ? body : `${body}\n\n${shellBlock(shell)}`;
      return (await need(ask("maintainer", "POST", "/issues", { title, body: text }))).number;
    },
    async setLabel(issue, who = "maintainer") {
      await need(ask(who, "POST", `/issues/${issue}/labels`, { labels: ["agent"] }));
    },
    async takeLabel(issue, label, who = "maintainer") {
      await need(ask(who, "DELETE", `/issues/${issue}/labels/${encodeURIComponent(label)}`));
    },
    comment: async (issue, body, who = "maintainer") => (await need(ask(who, "POST", `/issues/${issue}/comments`, { body }))).id,
    commentsOn,
    answersOn: async (issue) => (await commentsOn(issue)).filter(({ user }) => user.login === github.app.bot.login),
    labelsOf: async (issue) => (await read(`/issues/${issue}/labels`)).map(({ name }: { name: string }) => name),
    reactionsTo: async (at) => {
      const path = "issue" in at ? `/issues/${at.issue}/reactions` : `/issues/comments/${at.comment}/reactions`;
      return (await read(path)).map(({ content }: { content: string }) => content);
    },
    checksOn: async (commit) => (await read(`/commits/${commit}/check-runs?filter=all`)).check_runs,
    tipOf: async (branch) => {
      const { status, json } = await ask("maintainer", "GET", `/git/ref/heads/${branch}`);
      return status === 404 ? undefined : json.object.sha;
    },
    async commit({ branch, path, content, repository = "acme/shop", who = "maintainer" }) {
      const at = `/repos/${repository}`;
      const main = await need(send(who, "GET", `${at}/git/ref/heads/main`));
      const made = await send(who, "POST", `${at}/git/refs`, { ref: `refs/heads/${branch}`, sha: main.object.sha });
      // 422: the branch is there already.
      if (made.status !== 201 && made.status !== 422) throw new Error(`GitHub answered ${made.status}`);
      const put = { message: `Change ${path}`, branch, content: Buffer.from(content).toString("base64") };
      return (await need(send(who, "PUT", `${at}/contents/${path}`, put))).commit.sha;
    },
  };
}
