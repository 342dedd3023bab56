import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import type { BaseName } from "../git/names.ts";
import { openTransport } from "../git/transport.ts";
import { redirected } from "../github/api.ts";
import type { GitParts } from "../github/git-parts.ts";
import { type Grant, type GrantScope, scopeOf } from "../github/grant.ts";
import { printBytes } from "../report/words.ts";
import type { RunRow } from "../store/queries/runs.ts";

export interface FetchParts extends GitParts {
  disk: {
    /** Makes room for so many bytes, where it can. Answers how many may be written until the disk has reached its bound. */
    makeRoom(bytes: number): Promise<number>;
  };
}

interface Source {
  owner: string;
  name: string;
  scope: GrantScope;
}

/** Brings the bases of these branches up to date: each holds only what its branch reaches. */
export function fetchBases(parts: FetchParts, run: RunRow, branches: readonly string[]): Promise<BaseName[]> {
  return fetchBasesOf(parts, { ...run.request, scope: scopeOf(run.id, run.request) }, branches);
}

/** Throws Fault "base.too-large", "disk.full", "prepare.branch-gone", "prepare.fetch", "github.away". */
export async function fetchBasesOf(parts: FetchParts, source: Source, branches: readonly string[]): Promise<BaseName[]> {
  await using fetcher = await parts.grants.mint("fetcher", source.scope);
  const bases: BaseName[] = [];
  for (const branch of branches) bases.push(await fetchBase(parts, { ...source, fetcher, branch }));
  return bases;
}

async function fetchBase(parts: FetchParts, of: Source & { fetcher: Grant; branch: string }): Promise<BaseName> {
  const { owner, name, fetcher, branch } = of;
  const { repositoryId } = of.scope;
  const leftBytes = await demandRoom(parts, of);
  await using transport = await openTransport({
    socketPath: join(parts.transportFolder, `${randomUUID().slice(0, 18)}.sock`),
    owner: parts.accounts?.["airlock-base"],
    upstream: parts.webUrl,
    repositoryPath: `${owner}/${name}.git`,
    token: () => fetcher.token,
    // What GitHub says of a repository's size is some hours old, and nothing for a fork: this holds in any case.
    allow: { kind: "fetch", limitBytes: leftBytes },
    network: parts.network,
  });
  const fetched = await parts.git.fetchBase({ repositoryId, branch, transportSocket: transport.socketPath });
  if (fetched.at === "fetched") return fetched.base;
  if (transport.overran())
    throw tooLarge(`${owner}/${name} is larger than the ${printBytes(leftBytes)} that may be written to the machine's disk`);
  if (fetched.at === "branch-missing")
    throw new Fault("prepare.branch-gone", `The branch ${branch} does not exist any more`, {
      remedy: "Ask again on a branch that exists",
    });
  const failure = transport.failure();
  if (!failure || failure.status === 0 || failure.status >= 500)
    throw new Fault("github.away", "GitHub did not answer when the repository was fetched", {
      remedy: "It is tried again by itself",
      cause: new Error(failure?.message ?? fetched.stderr),
    });
  if (failure.status < 400) throw redirected(`${owner}/${name}`);
  throw new Fault("prepare.fetch", `GitHub refused the fetch with ${failure.status}`, {
    remedy: "See whether the App may still read this repository",
    cause: new Error(failure.message),
  });
}

/** How many bytes may be fetched. Of a branch that is known already only what is new comes, of which nobody can tell how much it is. */
async function demandRoom(parts: FetchParts, of: Source & { fetcher: Grant; branch: string }): Promise<number> {
  const { owner, name: repo, fetcher, branch } = of;
  const known = await parts.git.findBase({ repositoryId: of.scope.repositoryId, branch });
  // GitHub counts in KiB.
  const sizeBytes = known ? 0 : (await fetcher.api.rest.repos.get({ owner, repo })).data.size * 1024;
  const leftBytes = await parts.disk.makeRoom(sizeBytes);
  if (leftBytes <= 0)
    throw new Fault("disk.full", "The machine's disk has reached its bound: nothing more is fetched", {
      remedy: "The operator makes room or raises AIRLOCK_DISK_BOUND; then set the label again",
    });
  if (sizeBytes >= leftBytes)
    throw tooLarge(
      `${owner}/${repo} is ${printBytes(sizeBytes)} large, and ${printBytes(leftBytes)} may be written to the machine's disk`,
    );
  return leftBytes;
}

function tooLarge(words: string): Fault {
  return new Fault("base.too-large", `${words}: it is not fetched`, {
    remedy: "The operator makes room, gives AIRLOCK_DATA a larger disk or raises AIRLOCK_DISK_BOUND; then set the label again",
  });
}
