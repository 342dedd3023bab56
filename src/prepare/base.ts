import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import type { BaseName } from "../git/names.ts";
import { openTransport } from "../git/transport.ts";
import type { GitParts } from "../github/git-parts.ts";
import { type GrantScope, scopeOf } from "../github/grant.ts";
import type { RunRow } from "../store/queries/runs.ts";

/** Brings the bases of these branches up to date: each holds only what its branch reaches. */
export function fetchBases(parts: GitParts, run: RunRow, branches: readonly string[]): Promise<BaseName[]> {
  return fetchBasesOf(parts, { ...run.request, scope: scopeOf(run.id, run.request) }, branches);
}

export async function fetchBasesOf(
  parts: GitParts,
  repository: { owner: string; name: string; scope: GrantScope },
  branches: readonly string[],
): Promise<BaseName[]> {
  const { owner, name, scope } = repository;
  const { repositoryId } = scope;
  await using fetcher = await parts.grants.mint("fetcher", scope);
  const bases: BaseName[] = [];
  for (const branch of branches) {
    await using transport = await openTransport({
      socketPath: join(parts.transportFolder, `${randomUUID().slice(0, 18)}.sock`),
      owner: parts.accounts?.["airlock-base"],
      upstream: parts.webUrl,
      repositoryPath: `${owner}/${name}.git`,
      token: () => fetcher.token,
      allow: { kind: "fetch" },
      network: parts.network,
    });
    const fetched = await parts.git.fetchBase({ repositoryId, branch, transportSocket: transport.socketPath });
    if (fetched.at === "branch-missing")
      throw new Fault("prepare.branch-gone", `The branch ${branch} does not exist any more`, {
        remedy: "Ask again on a branch that exists",
      });
    if (fetched.at === "failed") {
      const failure = transport.failure();
      if (!failure || failure.status === 0 || failure.status >= 500)
        throw new Fault("github.away", "GitHub did not answer when the repository was fetched", {
          remedy: "It is tried again by itself",
          cause: new Error(failure?.message ?? fetched.stderr),
        });
      throw new Fault("prepare.fetch", `GitHub refused the fetch with ${failure.status}`, {
        remedy: "See whether the App may still read this repository",
        cause: new Error(failure.message),
      });
    }
    bases.push(fetched.base);
  }
  return bases;
}
