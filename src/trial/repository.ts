import { Fault } from "../fault.ts";
import { statusOf } from "../github/api.ts";
import type { GitHubApp } from "../github/app.ts";
import type { GitParts } from "../github/git-parts.ts";
import { fetchBasesOf } from "../prepare/base.ts";
import type { RunId } from "../run/identity.ts";

export interface TrialRepositoryParts extends GitParts {
  app: GitHubApp;
}

/** Makes the trial's repository on the git host from the newest commit of the default branch. Nothing on GitHub changes. */
export async function prepareTrialRepository(
  parts: TrialRepositoryParts,
  of: { run: RunId; repository: string },
): Promise<{ branch: string }> {
  const [owner = "", name = ""] = /^([\w.-]+)\/([\w.-]+)$/.exec(of.repository)?.slice(1) ?? [];
  if (name === "") throw new Fault("usage.repo", `"${of.repository}" is no repository`, { remedy: "Write it as owner/name" });
  const installationId = await findInstallation(parts.app, { owner, repo: name });
  const found = await readRepository(parts.app, { owner, name, installationId });
  const scope = { installationId, repositoryId: found.id, repository: `${owner}/${name}`, run: undefined };
  const [base] = await fetchBasesOf(parts, { owner, name, scope }, [found.branch]);
  const tip = base && (await parts.git.findBase({ repositoryId: found.id, branch: found.branch }))?.tip;
  if (!base || !tip) throw new Fault("prepare.empty", `${owner}/${name} has no commit yet`, { remedy: "Push a first one" });
  await parts.git.ensureRunRepository({ run: of.run, bases: [base], branches: [{ name: found.branch, sha: tip }] });
  return { branch: found.branch };
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
    return { id: repository.id, branch: repository.default_branch };
  } finally {
    await api.rest.apps.revokeInstallationAccessToken();
  }
}
