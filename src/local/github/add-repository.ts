import { createRepository } from "./create-repository.ts";
import { announceAdded, announceInstallation, install } from "./installations.ts";
import { ensureOwner, usualRoles } from "./people.ts";
import { findRepository } from "./permissions.ts";
import type { Account, App, Repository, World } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

export interface AddRepositoryOptions {
  owner: string;
  name: string;
  files: Record<string, string>;
  private?: boolean;
  /** Whether the App is installed on it; so where absent. */
  installed?: boolean;
  /** "owner/name" of the repository that this one is a fork of. */
  forkOf?: string;
}

export interface AddedRepository {
  id: number;
  owner: string;
  name: string;
  cloneUrl: string;
  folder: string;
}

interface Parts {
  world: World;
  webhooks: Webhooks;
}

/** One more repository. Where the App is installed on it, it hears of that, as when a person adds a repository to an installation. */
export async function addRepository(
  parts: Parts,
  of: { request: AddRepositoryOptions; app: App; sender: Account },
): Promise<AddedRepository> {
  const { world } = parts;
  const { request, app, sender } = of;
  const owner = ensureOwner(world, request.owner);
  const parent = request.forkOf === undefined ? undefined : needRepository(world, request.forkOf);
  const repository = await createRepository(world, {
    owner,
    name: request.name,
    files: request.files,
    private: request.private ?? false,
    ...(parent === undefined ? { roles: usualRoles(world) } : { parent }),
  });
  if (request.installed !== false) cover(parts, { app, owner, repository, sender });
  const { id, folder, name } = repository;
  return { id, owner: owner.login, name, cloneUrl: `${world.url}/${owner.login}/${name}.git`, folder };
}

/** `fullName`: "owner/name". */
export function needRepository(world: World, fullName: string): Repository {
  const [owner = "", name = ""] = fullName.split("/");
  const found = findRepository(world, owner, name);
  if (found === undefined) throw new Error(`the local GitHub has no repository ${fullName}`);
  return found;
}

function cover(parts: Parts, of: { app: App; owner: Account; repository: Repository; sender: Account }): void {
  const { app, owner, repository, sender } = of;
  const known = parts.world.installations.find((installation) => installation.app === app && installation.account === owner);
  if (known === undefined) {
    announceInstallation(parts, install(parts.world, { app, account: owner, repositories: [repository] }), sender);
    return;
  }
  if (known.repositoryIds !== "all") known.repositoryIds.add(repository.id);
  announceAdded(parts, { installation: known, repository, sender });
}
