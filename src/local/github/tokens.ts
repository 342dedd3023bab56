import { randomBytes } from "node:crypto";
import { GitHubError } from "./github-error.ts";
import type { Installation, InstallationToken, Permissions, Repository, World } from "./state.ts";

const lifeMs = 3_600_000;
const strength: Record<string, number> = { read: 1, write: 2, admin: 3 };

export interface TokenRequest {
  repositories?: string[];
  repository_ids?: number[];
  permissions?: Permissions;
}

/** A token of its own for each call, for an hour, never with more than the installation has. 422 as GitHub says it. */
export function mintToken(world: World, installation: Installation, request: TokenRequest): InstallationToken {
  if (installation.suspendedAt !== null) throw new GitHubError(403, "This installation has been suspended");
  const permissions = request.permissions ?? installation.permissions;
  for (const [name, level] of Object.entries(permissions))
    if (!covers(installation.permissions, name, level))
      throw new GitHubError(422, "The permissions requested are not granted to this installation.");
  const nowMs = world.nowMs();
  const token: InstallationToken = {
    token: `ghs_${randomBytes(27).toString("base64url").replaceAll(/[-_]/g, "0")}`,
    installation,
    // Metadata can always be read with any other permission.
    permissions: { metadata: "read", ...permissions },
    repositoryIds: repositoryIds(world, installation, request),
    mintedAtMs: nowMs,
    expiresAtMs: nowMs + lifeMs,
    revokedAtMs: undefined,
  };
  world.tokens.set(token.token, token);
  return token;
}

/** A token that is alive. */
export function findToken(world: World, secret: string): InstallationToken | undefined {
  const token = world.tokens.get(secret);
  return token === undefined || token.revokedAtMs !== undefined || token.expiresAtMs <= world.nowMs() ? undefined : token;
}

export function countLiveTokens(world: World): number {
  return [...world.tokens.keys()].filter((secret) => findToken(world, secret) !== undefined).length;
}

export function covers(permissions: Permissions, name: string, level: string): boolean {
  return (strength[permissions[name] ?? ""] ?? 0) >= (strength[level] ?? 9);
}

export function isCovered(installation: Installation, repository: Repository): boolean {
  if (repository.owner.id !== installation.account.id) return false;
  return installation.repositoryIds === "all" || installation.repositoryIds.has(repository.id);
}

export function tokenReaches(token: InstallationToken, repository: Repository): boolean {
  return (
    isCovered(token.installation, repository) && (token.repositoryIds === undefined || token.repositoryIds.has(repository.id))
  );
}

function repositoryIds(world: World, installation: Installation, request: TokenRequest): Set<number> | undefined {
  if (request.repositories === undefined && request.repository_ids === undefined) return undefined;
  const covered = [...world.repositories.values()].filter((repository) => isCovered(installation, repository));
  const byName = (request.repositories ?? []).map(
    (name) => covered.find((repository) => repository.name.toLowerCase() === name.toLowerCase())?.id,
  );
  const byId = (request.repository_ids ?? []).map((id) => covered.find((repository) => repository.id === id)?.id);
  const found = [...byName, ...byId];
  if (found.length === 0 || found.includes(undefined))
    throw new GitHubError(
      422,
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    );
  return new Set(found as number[]);
}
