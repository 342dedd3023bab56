import { Fault } from "../fault.ts";
import { statusOf } from "./api.ts";
import type { GitHubApp } from "./app.ts";

export interface FoundRepository {
  id: number;
  installationId: number;
  /** The default one. */
  branch: string;
  /** As GitHub spells them, however they were asked for. */
  owner: string;
  name: string;
}

/** What GitHub knows of a repository that an operator names. Throws Fault "usage.repo" and "grant.not-installed". */
export async function findRepository(app: GitHubApp, repository: string): Promise<FoundRepository> {
  const [owner = "", name = ""] = /^([\w.-]+)\/([\w.-]+)$/.exec(repository)?.slice(1) ?? [];
  if (name === "") throw new Fault("usage.repo", `"${repository}" is no repository`, { remedy: "Write it as owner/name" });
  const installationId = await findInstallation(app, { owner, repo: name });
  return { installationId, ...(await readRepository(app, { owner, name, installationId })) };
}

async function findInstallation(app: GitHubApp, of: { owner: string; repo: string }): Promise<number> {
  try {
    return (await app.api.rest.apps.getRepoInstallation(of)).data.id;
  } catch (cause) {
    if (statusOf(cause) !== 404) throw cause;
    throw new Fault("grant.not-installed", `The App is not installed on ${of.owner}/${of.repo}`, {
      remedy: "Install it there: the App's page, Install App",
      cause,
    });
  }
}

/** By a token for the name, since a token for the id takes the id. It may read no content, and is revoked at once. */
async function readRepository(app: GitHubApp, of: { owner: string; name: string; installationId: number }) {
  const { data } = await app.api.request("POST /app/installations/{installation_id}/access_tokens", {
    installation_id: of.installationId,
    repositories: [of.name],
    permissions: { metadata: "read" },
  });
  const api = app.apiFor(data.token);
  try {
    const { data: repository } = await api.rest.repos.get({ owner: of.owner, repo: of.name });
    const { id, default_branch: branch, owner, name } = repository;
    return { id, branch, owner: owner.login, name };
  } finally {
    await api.rest.apps.revokeInstallationAccessToken();
  }
}
