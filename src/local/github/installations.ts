import { renderInstallation } from "./render/accounts.ts";
import { fullName } from "./render/repositories.ts";
import { type Account, type App, type Installation, nodeId, type Repository, timestamp, type World } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

interface Parts {
  world: World;
  webhooks: Webhooks;
}

/** Installs an App on an account, for all its repositories or for some. */
export function install(world: World, of: { app: App; account: Account; repositories: Repository[] | "all" }): Installation {
  const { app, account, repositories } = of;
  const installation: Installation = {
    id: world.nextId(),
    app,
    account,
    repositoryIds: repositories === "all" ? "all" : new Set(repositories.map(({ id }) => id)),
    permissions: app.permissions,
    events: app.events,
    createdAt: timestamp(world.nowMs()),
    suspendedAt: null,
  };
  world.installations.push(installation);
  return installation;
}

/** Takes an App away from an account: its tokens die with the installation. Telling the App is another matter: it must not depend on it. */
export function uninstall(world: World, installation: Installation): void {
  world.installations.splice(world.installations.indexOf(installation), 1);
  for (const token of world.tokens.values()) if (token.installation === installation) token.revokedAtMs ??= world.nowMs();
}

export function announceInstallation(
  { world, webhooks }: Parts,
  installation: Installation,
  sender: Account,
  action: "created" | "deleted" | "suspend" | "unsuspend" = "created",
): void {
  const { repositoryIds, account } = installation;
  const covered = [...world.repositories.values()].filter(
    ({ id, owner }) => owner === account && (repositoryIds === "all" || repositoryIds.has(id)),
  );
  const payload = {
    installation: renderInstallation(world, installation),
    repositories: covered.map(renderShort),
    ...(action === "created" && { requester: null }),
  };
  webhooks.announce({ event: "installation", action, payload, sender, installation });
}

interface Covering {
  installation: Installation;
  repository: Repository;
  sender: Account;
}

export function announceAdded(parts: Parts, of: Covering): void {
  announceCovering(parts, of, "added");
}

export function announceRemoved(parts: Parts, of: Covering): void {
  announceCovering(parts, of, "removed");
}

function announceCovering({ world, webhooks }: Parts, of: Covering, action: "added" | "removed"): void {
  const { installation, repository, sender } = of;
  const payload = {
    installation: renderInstallation(world, installation),
    repository_selection: installation.repositoryIds === "all" ? "all" : "selected",
    repositories_added: action === "added" ? [renderShort(repository)] : [],
    repositories_removed: action === "removed" ? [renderShort(repository)] : [],
    requester: null,
  };
  webhooks.announce({ event: "installation_repositories", action, payload, sender, installation });
}

function renderShort(repository: Repository): Record<string, unknown> {
  return {
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name: repository.name,
    full_name: fullName(repository),
    private: repository.private,
  };
}
