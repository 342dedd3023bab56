import { Fault } from "../fault.ts";
import type { GitHubApp } from "../github/app.ts";
import { findRepository } from "../github/find-repository.ts";
import type { GrantScope } from "../github/grant.ts";
import { type FetchParts, fetchBasesOf } from "../prepare/base.ts";
import type { RunId, Sha } from "../run/identity.ts";

export interface TrialRepositoryParts extends FetchParts {
  app: GitHubApp;
}

export interface TrialRepository {
  branch: string;
  /** What it starts from. */
  tip: Sha;
  /** As GitHub spells them, however they were asked for. */
  owner: string;
  name: string;
  scope: GrantScope;
}

/** Makes the trial's repository on the git host from the newest commit of the default branch. Nothing on GitHub changes. */
export async function prepareTrialRepository(
  parts: TrialRepositoryParts,
  of: { run: RunId; repository: string },
): Promise<TrialRepository> {
  const found = await findRepository(parts.app, of.repository);
  const { owner, name, installationId } = found;
  const scope = { installationId, repositoryId: found.id, repository: `${owner}/${name}`, run: undefined };
  const [base] = await fetchBasesOf(parts, { owner, name, scope }, [found.branch]);
  const tip = base && (await parts.git.findBase({ repositoryId: found.id, branch: found.branch }))?.tip;
  if (!base || !tip) throw new Fault("prepare.empty", `${owner}/${name} has no commit yet`, { remedy: "Push a first one" });
  await parts.git.ensureRunRepository({ run: of.run, bases: [base], branches: [{ name: found.branch, sha: tip }] });
  return { branch: found.branch, tip, owner, name, scope };
}
