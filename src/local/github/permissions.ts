import type { Actor, Need, RepositoryCall, Route } from "./call.ts";
import { GitHubError, notFound } from "./github-error.ts";
import type { Account, Repository, Role, World } from "./state.ts";
import { covers, tokenReaches } from "./tokens.ts";

const order: Role[] = ["read", "triage", "write", "maintain", "admin"];

/** What an account may do in a repository; undefined: not even see it. */
export function roleOf(repository: Repository, account: Account | undefined): Role | undefined {
  if (account !== undefined && account.id === repository.owner.id) return "admin";
  const role = account === undefined ? undefined : repository.roles.get(account.id);
  return role ?? (repository.private ? undefined : "read");
}

export function atLeast(role: Role | undefined, least: Role): boolean {
  return role !== undefined && order.indexOf(role) >= order.indexOf(least);
}

export function findRepository(world: World, owner: string, name: string): Repository | undefined {
  const wanted = `${owner}/${name}`.toLowerCase();
  return [...world.repositories.values()].find(
    (repository) => `${repository.owner.login}/${repository.name}`.toLowerCase() === wanted,
  );
}

export function canSee(repository: Repository, actor: Actor): boolean {
  if (actor.kind === "installation") return tokenReaches(actor.token, repository) || !repository.private;
  return roleOf(repository, actor.kind === "user" ? actor.account : undefined) !== undefined;
}

/** 404 for what the token can't see, 403 for what it may not do; as GitHub words them. */
export function allow(call: RepositoryCall, route: Extract<Route, { by: "repository" }>): void {
  const { actor, repository } = call;
  if (!canSee(repository, actor)) throw notFound();
  if (actor.kind === "app")
    throw new GitHubError(401, "A JSON web token could not be used here: this endpoint wants an installation token");
  if (actor.kind === "installation") {
    const needs = typeof route.needs === "function" ? route.needs(call) : route.needs;
    // Beyond its repositories a token reads what is public, and nothing else.
    const granted = tokenReaches(actor.token, repository)
      ? needs.some((need) => covers(actor.token.permissions, ...split(need)))
      : needs.some((need) => split(need)[1] === "read");
    if (!granted) throw inaccessible(needs);
    return;
  }
  if (actor.kind === "anonymous" && isWrite(route, call)) throw new GitHubError(401, "Requires authentication");
  if (!atLeast(roleOf(repository, actor.kind === "user" ? actor.account : undefined), route.role))
    throw new GitHubError(403, "Must have admin rights to Repository.");
}

export function inaccessible(needs: Need[]): GitHubError {
  const header = needs.map((need) => need.replace(":", "=")).join("; ");
  return new GitHubError(403, "Resource not accessible by integration", { headers: { "x-accepted-github-permissions": header } });
}

function isWrite(route: Extract<Route, { by: "repository" }>, call: RepositoryCall): boolean {
  const needs = typeof route.needs === "function" ? route.needs(call) : route.needs;
  return needs.every((need) => split(need)[1] === "write");
}

function split(need: Need): [string, string] {
  return need.split(":") as [string, string];
}
