import { GitHubError } from "./github-error.ts";
import { fullName } from "./render/repositories.ts";
import type { Repository, World } from "./state.ts";

/** The repository that had this name before, while nobody else has it. */
export function findFormer(world: World, owner: string, name: string): Repository | undefined {
  const id = world.formerNames.get(`${owner}/${name}`.toLowerCase());
  return id === undefined ? undefined : world.repositories.get(id);
}

/** GitHub's redirect to what was renamed or transferred: by the repository's id, whatever it is called by then. */
export function movedTo(
  world: World,
  address: URL,
  to: { repository: Repository; rest: string; status?: 301 | 307 },
): GitHubError {
  const location = `${world.url}/api/v3/repositories/${to.repository.id}${to.rest}${address.search}`;
  const message = to.status === 307 ? "Temporary Redirect" : "Moved Permanently";
  return new GitHubError(to.status ?? 301, message, { headers: { location } });
}

/** Where such a redirect leads, as the path that is described. */
export function byName(world: World, path: string): string {
  const [, id, rest = ""] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
  const repository = id === undefined ? undefined : world.repositories.get(Number(id));
  return repository === undefined ? path : `/repos/${fullName(repository)}${rest}`;
}
