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

export function announceInstallation({ world, webhooks }: Parts, installation: Installation, sender: Account): void {
  const { repositoryIds, account } = installation;
  const covered = [...world.repositories.values()].filter(
    ({ id, owner }) => owner === account && (repositoryIds === "all" || repositoryIds.has(id)),
  );
  const payload = {
    installation: renderInstallation(world, installation),
    repositories: covered.map(renderShort),
    requester: null,
  };
  webhooks.announce({ event: "installation", action: "created", payload, sender, installation });
}

export function announceAdded(
  { world, webhooks }: Parts,
  of: { installation: Installation; repository: Repository; sender: Account },
): void {
  const payload = {
    installation: renderInstallation(world, of.installation),
    repository_selection: of.installation.repositoryIds === "all" ? "all" : "selected",
    repositories_added: [renderShort(of.repository)],
    repositories_removed: [],
    requester: null,
  };
  webhooks.announce({
    event: "installation_repositories",
    action: "added",
    payload,
    sender: of.sender,
    installation: of.installation,
  });
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
