import type { GitHost } from "../git/client.ts";
import type { AppIdentity } from "../github/app.ts";
import { parseSha, type RunId, type Sha } from "../run/identity.ts";
import type { RunRequest } from "../run/request.ts";
import { cleanMessage, printMessage } from "./message.ts";
import type { Work } from "./read.ts";

interface Rebuild {
  git: GitHost;
  run: RunId;
  request: RunRequest;
  identity: AppIdentity;
  base: Sha;
  nowMs: number;
  /** Stands before the messages: they are the agent's words, and leave with the push. */
  redact(text: string): string;
}

/**
 * Makes commits of our own from the inspected trees: same content, the App's author, a cleaned message. What is pushed is what was
 * inspected, and nothing that the agent wrote beside the trees. The same work makes the same commits: one that was pushed by a life that
 * the store has forgotten is found to be there. Answers the new tip.
 */
export async function rebuildWork(of: Rebuild, work: Work): Promise<Sha> {
  const fallback = `Work on ${of.request.subject.kind === "pull" ? "pull request" : "issue"} ${of.request.subject.number}`;
  const commits = work.chain ? work.commits.map((commit) => commit.sha) : [work.tip];
  const atMs = readDate(await readCommit(of, work.tip), { fromMs: of.request.askedAtMs, untilMs: of.nowMs });
  let parent = of.base;
  for (const sha of commits) parent = await rebuildCommit(of, { sha, parent, fallback, atMs });
  return parent;
}

/** When the work was done, as the agent's last commit says; one that lies is dated by the request. */
function readDate(raw: string, { fromMs, untilMs }: { fromMs: number; untilMs: number }): number {
  const saidMs = Number(/^committer .* (\d{1,12}) [+-]\d{4}$/m.exec(raw.slice(0, raw.indexOf("\n\n")))?.[1]) * 1_000;
  return saidMs >= fromMs && saidMs <= untilMs ? saidMs : fromMs;
}

async function readCommit(of: Rebuild, sha: string): Promise<string> {
  return (await demand(of, ["cat-file", "commit", sha])).toString("utf8");
}

async function rebuildCommit(of: Rebuild, commit: { sha: string; parent: Sha; fallback: string; atMs: number }): Promise<Sha> {
  const raw = await readCommit(of, commit.sha);
  const tree = /^tree ([0-9a-f]{40})\n/.exec(raw)?.[1];
  if (!tree) throw new Error("a commit without a tree");
  const { subject, body } = cleanMessage(of.redact(raw.slice(raw.indexOf("\n\n") + 2)), commit.fallback);
  const host = of.identity.email.slice(of.identity.email.indexOf("users.noreply.") + "users.noreply.".length);
  // Once more: cleaning takes invisible characters out, which may have stood inside a secret.
  const cleaned = { subject: of.redact(subject), body: of.redact(body) };
  const message = printMessage({ ...cleaned, run: of.run, coAuthor: { ...of.request.requester, host } });
  const date = `@${Math.floor(commit.atMs / 1000)} +0000`;
  const env = {
    GIT_AUTHOR_NAME: of.identity.botLogin,
    GIT_AUTHOR_EMAIL: of.identity.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: of.identity.botLogin,
    GIT_COMMITTER_EMAIL: of.identity.email,
    GIT_COMMITTER_DATE: date,
  };
  const made = await demand(of, ["commit-tree", "-p", commit.parent, tree], { input: Buffer.from(message), env });
  const sha = parseSha(made.toString("utf8").trim());
  if (!sha) throw new Error("git commit-tree did not name its commit");
  return sha;
}

async function demand(
  of: Rebuild,
  args: string[],
  options: { input?: Uint8Array; env?: Record<string, string> } = {},
): Promise<Buffer> {
  const output = await of.git.git({ run: of.run }, args, options);
  if (output.exitCode !== 0) throw new Error(`git ${args[0]} failed in the run's repository: ${output.stderr.slice(0, 200)}`);
  return output.stdout;
}
