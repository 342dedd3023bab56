import { git, tryGit } from "./git.ts";
import { GitHubError } from "./github-error.ts";
import { announceInstallation, announceRemoved, uninstall } from "./installations.ts";
import { ensureOwner } from "./people.ts";
import { findRepository } from "./permissions.ts";
import { renderUser } from "./render/accounts.ts";
import { renderIssueForWebhook } from "./render/issues.ts";
import { isPull, renderPull } from "./render/pulls.ts";
import { fullName, renderRepository } from "./render/repositories.ts";
import { nextNumber } from "./rest/issue-change.ts";
import { type Account, type Installation, type Issue, type Repository, timestamp, type World } from "./state.ts";
import { isCovered } from "./tokens.ts";
import type { Webhooks } from "./webhooks.ts";

/**
 * What people do to repositories, installations and issues with GitHub's own pages. JSON, so that another process can ask for it (POST
 * /_local/happenings). Repositories are "owner/name", owners are logins.
 */
export type Happening =
  | { do: "rename"; repository: string; to: string }
  | { do: "rename-owner"; owner: string; to: string }
  /** To another account. An installation that covers all repositories there covers it; one for selected ones does not, as on GitHub. */
  | { do: "transfer"; repository: string; to: string }
  | { do: "archive" | "unarchive" | "delete"; repository: string }
  /** Takes the repository out of the installations that cover it. */
  | { do: "remove"; repository: string }
  | { do: "suspend" | "unsuspend" | "uninstall"; owner: string }
  | { do: "turn-issues-off" | "turn-issues-on"; repository: string }
  | { do: "lock-issue" | "unlock-issue" | "delete-issue"; repository: string; issue: number }
  | { do: "transfer-issue"; repository: string; issue: number; to: string }
  | { do: "rename-branch"; repository: string; branch: string; to: string };

interface Parts {
  world: World;
  webhooks: Webhooks;
}

/** Does it as `sender`, and tells who hears of it on GitHub. Throws GitHubError 404 and 422. */
export async function happen(parts: Parts, happening: Happening, sender: Account): Promise<void> {
  const { world, webhooks } = parts;
  switch (happening.do) {
    case "rename":
      return rename(parts, { repository: need(world, happening.repository), to: happening.to, sender });
    case "rename-owner":
      return renameOwner(parts, happening);
    case "transfer":
      return transfer(parts, { repository: need(world, happening.repository), to: happening.to, sender });
    case "archive":
    case "unarchive": {
      const repository = need(world, happening.repository);
      repository.archived = happening.do === "archive";
      webhooks.announce({ event: "repository", action: `${happening.do}d`, payload: {}, repository, sender });
      return;
    }
    case "delete": {
      const repository = need(world, happening.repository);
      // Told while it is still known whose it is.
      webhooks.announce({ event: "repository", action: "deleted", payload: {}, repository, sender });
      world.repositories.delete(repository.id);
      for (const { repositoryIds } of world.installations) if (repositoryIds !== "all") repositoryIds.delete(repository.id);
      return;
    }
    case "remove": {
      const repository = need(world, happening.repository);
      for (const installation of world.installations.filter((each) => isCovered(each, repository))) {
        const { account } = installation;
        if (installation.repositoryIds === "all")
          installation.repositoryIds = new Set(
            [...world.repositories.values()].filter(({ owner }) => owner.id === account.id).map((each) => each.id),
          );
        installation.repositoryIds.delete(repository.id);
        announceRemoved(parts, { installation, repository, sender });
      }
      return;
    }
    case "suspend":
    case "unsuspend":
    case "uninstall":
      for (const installation of installationsOn(world, happening.owner)) {
        const suspends = happening.do === "suspend";
        if (happening.do === "uninstall") uninstall(world, installation);
        installation.suspendedAt = suspends ? timestamp(world.nowMs()) : null;
        installation.suspendedBy = suspends ? sender : undefined;
        const action = happening.do === "uninstall" ? "deleted" : happening.do;
        announceInstallation(parts, installation, sender, action);
      }
      return;
    case "turn-issues-off":
    case "turn-issues-on":
      need(world, happening.repository).issuesOff = happening.do === "turn-issues-off";
      return;
    case "lock-issue":
    case "unlock-issue": {
      const at = needIssue(world, happening);
      at.issue.locked = happening.do === "lock-issue";
      return announceIssue(parts, at, { action: `${happening.do.slice(0, -"-issue".length)}ed`, sender });
    }
    case "delete-issue": {
      const at = needIssue(world, happening);
      await announceIssue(parts, at, { action: "deleted", sender });
      at.repository.issues.delete(at.issue.number);
      at.repository.gone.set(at.issue.number, undefined);
      return;
    }
    case "transfer-issue":
      return transferIssue(parts, { ...needIssue(world, happening), to: need(world, happening.to), sender });
    case "rename-branch":
      return renameBranch(need(world, happening.repository), happening);
  }
}

function need(world: World, name: string): Repository {
  const [owner = "", repo = ""] = name.split("/");
  const found = findRepository(world, owner, repo);
  if (found === undefined) throw new GitHubError(404, `There is no repository ${name}`);
  return found;
}

function needIssue(world: World, of: { repository: string; issue: number }): { repository: Repository; issue: Issue } {
  const repository = need(world, of.repository);
  const issue = repository.issues.get(of.issue);
  if (issue === undefined) throw new GitHubError(404, `There is no issue ${of.issue} in ${of.repository}`);
  return { repository, issue };
}

function installationsOn(world: World, owner: string): Installation[] {
  return world.installations.filter(({ account }) => account.login.toLowerCase() === owner.toLowerCase());
}

/** The name that is given up leads to the new one, until somebody takes it. */
function giveUpName(world: World, repository: Repository, name: string): void {
  world.formerNames.set(name.toLowerCase(), repository.id);
}

function rename({ world, webhooks }: Parts, of: { repository: Repository; to: string; sender: Account }): void {
  const { repository, to, sender } = of;
  if (findRepository(world, repository.owner.login, to)) throw new GitHubError(422, `The name ${to} is taken`);
  const from = repository.name;
  giveUpName(world, repository, fullName(repository));
  repository.name = to;
  const payload = { changes: { repository: { name: { from } } } };
  webhooks.announce({ event: "repository", action: "renamed", payload, repository, sender });
}

function renameOwner({ world, webhooks }: Parts, of: { owner: string; to: string }): void {
  const account = world.accounts.find(({ login }) => login.toLowerCase() === of.owner.toLowerCase());
  if (account === undefined) throw new GitHubError(404, `There is no account ${of.owner}`);
  const from = account.login;
  for (const repository of world.repositories.values())
    if (repository.owner === account) giveUpName(world, repository, fullName(repository));
  account.login = of.to;
  for (const installation of world.installations.filter((each) => each.account === account))
    webhooks.announce({
      event: "installation_target",
      action: "renamed",
      payload: {
        account: renderUser(world, account),
        changes: { login: { from } },
        installation: { id: installation.id, node_id: "" },
        target_type: account.type,
      },
      sender: account,
      installation,
    });
}

function transfer({ world, webhooks }: Parts, of: { repository: Repository; to: string; sender: Account }): void {
  const { repository, sender } = of;
  const from = repository.owner;
  giveUpName(world, repository, fullName(repository));
  for (const { repositoryIds } of world.installations) if (repositoryIds !== "all") repositoryIds.delete(repository.id);
  repository.owner = ensureOwner(world, of.to);
  const kind = from.type === "Organization" ? "organization" : "user";
  const payload = { changes: { owner: { from: { [kind]: kind === "user" ? renderUser(world, from) : shortOf(world, from) } } } };
  // Only the new owner's installation hears of it, if there is one that covers it.
  webhooks.announce({ event: "repository", action: "transferred", payload, repository, sender });
}

function shortOf(world: World, { id, login }: Account): Record<string, unknown> {
  const url = `${world.url}/api/v3/orgs/${login}`;
  const more = ["repos", "events", "hooks", "issues"].map((name) => [`${name}_url`, `${url}/${name}`]);
  return {
    ...{ id, login, node_id: "", url, description: null, avatar_url: `${world.url}/avatars/${id}` },
    ...Object.fromEntries(more),
    ...{ members_url: `${url}/members{/member}`, public_members_url: `${url}/public_members{/member}` },
  };
}

async function announceIssue(
  { world, webhooks }: Parts,
  at: { repository: Repository; issue: Issue },
  of: { action: string; sender: Account; more?: Record<string, unknown> },
): Promise<void> {
  const { repository, issue } = at;
  const { action, sender } = of;
  const place = { world, repository };
  const payload = isPull(issue)
    ? { number: issue.number, pull_request: await renderPull(place, issue) }
    : { issue: renderIssueForWebhook(place, issue) };
  const event = isPull(issue) ? "pull_request" : "issues";
  webhooks.announce({ event, action, payload: { ...payload, ...of.more }, repository, sender });
}

async function transferIssue(
  parts: Parts,
  of: { repository: Repository; issue: Issue; to: Repository; sender: Account },
): Promise<void> {
  const { world } = parts;
  const { repository, issue, to, sender } = of;
  const moved = { ...issue, id: world.nextId(), number: nextNumber(to), labels: [] };
  to.issues.set(moved.number, moved);
  const place = { world, repository: to };
  const changes = { new_issue: renderIssueForWebhook(place, moved), new_repository: renderRepository(world, to) };
  await announceIssue(parts, { repository, issue }, { action: "transferred", sender, more: { changes } });
  repository.issues.delete(issue.number);
  repository.gone.set(issue.number, { repository: to, number: moved.number });
}

/** Open pull requests that go into the branch follow it, and what asks for the old name is led to the new one. */
async function renameBranch(repository: Repository, { branch, to }: { branch: string; to: string }): Promise<void> {
  const { folder } = repository;
  if ((await tryGit(folder, ["branch", "--move", branch, to])) === undefined)
    throw new GitHubError(422, `The branch ${branch} cannot be renamed to ${to}`);
  if (repository.defaultBranch === branch) {
    repository.defaultBranch = to;
    await git(folder, ["symbolic-ref", "HEAD", `refs/heads/${to}`]);
  }
  repository.formerBranches.set(branch, to);
  for (const issue of repository.issues.values())
    if (issue.pull && issue.state === "open" && issue.pull.base.ref === branch) issue.pull.base.ref = to;
}
