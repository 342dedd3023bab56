import type { Reply } from "./call.ts";
import { readDiff } from "./diff.ts";
import { findCommit, git } from "./git.ts";
import { notFound } from "./github-error.ts";
import { findRepository } from "./permissions.ts";
import { readCommits } from "./render/commits.ts";
import { escapeHtml } from "./render/issues.ts";
import { isPull, mergeBase } from "./render/pulls.ts";
import { fullName } from "./render/repositories.ts";
import type { Issue, Repository, World } from "./state.ts";

/** Plain pages behind the html_urls: enough to see with a browser what happened. Nothing of a user's reaches a page unescaped. */
export async function answerPage(world: World, path: string): Promise<Reply> {
  const [owner = "", name = "", kind, which = ""] = path
    .split("/")
    .filter((part) => part !== "")
    .map(decodeURIComponent);
  if (owner === "")
    return html(
      "Local GitHub",
      list([...world.repositories.values()].map((repository) => link(`/${fullName(repository)}`, fullName(repository)))),
    );
  const repository = findRepository(world, owner, name);
  if (repository === undefined) throw notFound();
  if (kind === undefined) return repositoryPage(repository);
  if (kind === "commit") return commitPage(repository, which);
  if (kind === "runs") return runPage(repository, Number(which));
  const issue = repository.issues.get(Number.parseInt(which, 10));
  if (issue === undefined || (kind !== "issues" && kind !== "pull")) throw notFound();
  if (which.endsWith(".diff") && isPull(issue))
    return {
      status: 200,
      raw: {
        type: "text/plain; charset=utf-8",
        text: await readDiff(repository.folder, await mergeBase(repository, issue.pull), issue.pull.head.sha),
      },
    };
  return html(`${issue.title} #${issue.number}`, await issuePage(repository, issue));
}

/** `body` is HTML already. */
export function html(title: string, body: string, status = 200): Reply {
  const head = `<!doctype html><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>body{font:16px system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto;background:#8881;padding:.5rem}</style>`;
  const policy = "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'";
  return {
    status,
    raw: { type: "text/html; charset=utf-8", text: `${head}<h1>${escapeHtml(title)}</h1>${body}` },
    headers: { "content-security-policy": policy },
  };
}

async function repositoryPage(repository: Repository): Promise<Reply> {
  const issues = [...repository.issues.values()].map((issue) => {
    const path = `/${fullName(repository)}/${issue.pull ? "pull" : "issues"}/${issue.number}`;
    return `${link(path, `#${issue.number} ${issue.title}`)} (${issue.state})`;
  });
  const log = await git(repository.folder, ["log", "--oneline", "--all", "--max-count=30"]);
  return html(fullName(repository), `<h2>Issues and pull requests</h2>${list(issues)}<h2>Commits</h2>${pre(log)}`);
}

async function issuePage(repository: Repository, issue: Issue): Promise<string> {
  const labels = issue.labels.map(({ name }) => escapeHtml(name)).join(", ");
  const comments = [...repository.comments.values()]
    .filter((comment) => comment.issue === issue)
    .map(
      (comment) =>
        `<h3 id="issuecomment-${comment.id}">${escapeHtml(comment.user.login)}, ${comment.createdAt}</h3>${pre(comment.body)}`,
    );
  const top = `<p>${link(`/${fullName(repository)}`, fullName(repository))} · ${issue.state} · by ${escapeHtml(issue.user.login)} · labels: ${labels || "none"}</p>`;
  return `${top}${pre(issue.body ?? "")}${comments.join("")}${isPull(issue) ? await pullPart(repository, issue) : ""}`;
}

async function pullPart(repository: Repository, issue: Issue): Promise<string> {
  if (!isPull(issue)) return "";
  const base = await mergeBase(repository, issue.pull);
  const commits = await readCommits(repository.folder, ["--reverse", `${base}..${issue.pull.head.sha}`, "--"]);
  const shown = commits.map(
    ({ sha, message, author }) =>
      `${link(`/${fullName(repository)}/commit/${sha}`, sha.slice(0, 8))} ${escapeHtml(author.name)}: ${escapeHtml(message)}`,
  );
  return `<h2>Commits</h2>${list(shown)}<h2>Changes</h2>${pre(await readDiff(repository.folder, base, issue.pull.head.sha))}`;
}

async function commitPage(repository: Repository, name: string): Promise<Reply> {
  const sha = await findCommit(repository.folder, name);
  if (sha === undefined) throw notFound();
  return html(
    `Commit ${sha.slice(0, 8)}`,
    pre(await git(repository.folder, ["show", "--no-ext-diff", "--no-textconv", sha, "--"])),
  );
}

function runPage(repository: Repository, id: number): Reply {
  const run = repository.checkRuns.get(id);
  if (run === undefined) throw notFound();
  const { title, summary, text } = run.output;
  return html(
    `${run.name}: ${run.conclusion ?? run.status}`,
    `<p>on ${run.suite.headSha}</p><h2>${escapeHtml(title ?? "")}</h2>${pre(summary ?? "")}${pre(text ?? "")}`,
  );
}

function link(path: string, label: string): string {
  return `<a href="${escapeHtml(encodeURI(path))}">${escapeHtml(label)}</a>`;
}

function list(items: string[]): string {
  return `<ul>${items.map((item) => `<li>${item}</li>`).join("")}</ul>`;
}

function pre(content: string): string {
  return `<pre>${escapeHtml(content)}</pre>`;
}
