import { type Actor, type Call, number, page, type Reply, type Routes } from "../call.ts";
import { GitHubError, notFound } from "../github-error.ts";
import { convertManifest } from "../manifest.ts";
import { findRepository } from "../permissions.ts";
import { renderApp, renderInstallation } from "../render/accounts.ts";
import { renderRepository } from "../render/repositories.ts";
import { type App, type Installation, type Repository, timestamp } from "../state.ts";
import { isCovered, mintToken, type TokenRequest, tokenReaches } from "../tokens.ts";

export const appRoutes: Routes = {
  "apps/get-authenticated": {
    by: "app",
    answer: (call) => ({
      status: 200,
      json: { ...renderApp(call.world, appOf(call)), installations_count: installationsOf(call).length },
    }),
  },
  "apps/list-installations": {
    by: "app",
    answer: (call) =>
      page(call, installationsOf(call), (shown) => shown.map((installation) => renderInstallation(call.world, installation))),
  },
  "apps/get-installation": {
    by: "app",
    answer: (call) => ({ status: 200, json: renderInstallation(call.world, findInstallation(call)) }),
  },
  "apps/get-repo-installation": { by: "app", answer: getRepositoryInstallation },
  "apps/create-installation-access-token": { by: "app", answer: createToken },
  "apps/revoke-installation-access-token": { by: "installation", answer: revokeToken },
  "apps/list-repos-accessible-to-installation": { by: "installation", answer: listRepositories },
  "apps/create-from-manifest": {
    by: "anyone",
    answer: (call) => {
      const app = convertManifest(call.world, String(call.params.code));
      const secrets = {
        client_id: app.clientId,
        client_secret: app.clientSecret,
        webhook_secret: app.webhookSecret,
        pem: app.privateKey,
      };
      return { status: 201, json: { ...renderApp(call.world, app), ...secrets } };
    },
  },
};

export function appOf(call: { actor: Actor }): App {
  if (call.actor.kind === "app") return call.actor.app;
  throw new GitHubError(401, "A JSON web token could not be decoded");
}

function installationsOf(call: Call): Installation[] {
  return call.world.installations.filter(({ app }) => app === appOf(call));
}

function findInstallation(call: Call): Installation {
  const found = installationsOf(call).find(({ id }) => id === number(call, "installation_id"));
  if (found === undefined) throw notFound();
  return found;
}

function getRepositoryInstallation(call: Call): Reply {
  const repository = findRepository(call.world, String(call.params.owner), String(call.params.repo));
  const found = repository && installationsOf(call).find((installation) => isCovered(installation, repository));
  if (found === undefined) throw notFound();
  return { status: 200, json: renderInstallation(call.world, found) };
}

function createToken(call: Call): Reply {
  const token = mintToken(call.world, findInstallation(call), call.body as TokenRequest);
  const { repositoryIds } = token;
  const selected = repositoryIds && [...call.world.repositories.values()].filter(({ id }) => repositoryIds.has(id));
  return {
    status: 201,
    json: {
      token: token.token,
      expires_at: timestamp(token.expiresAtMs),
      permissions: token.permissions,
      repository_selection: selected || token.installation.repositoryIds !== "all" ? "selected" : "all",
      ...(selected ? { repositories: selected.map((repository) => renderRepository(call.world, repository)) } : {}),
    },
  };
}

function revokeToken(call: Call): Reply {
  if (call.actor.kind === "installation") call.actor.token.revokedAtMs = call.world.nowMs();
  return { status: 204 };
}

function listRepositories(call: Call): Reply {
  const { actor } = call;
  const reached = (repository: Repository): boolean => actor.kind === "installation" && tokenReaches(actor.token, repository);
  const all = [...call.world.repositories.values()].filter(reached);
  return page(call, all, (shown) => ({
    total_count: all.length,
    repository_selection: "selected",
    repositories: shown.map((repository) => renderRepository(call.world, repository, "read")),
  }));
}
