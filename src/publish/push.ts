import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { Fault } from "../fault.ts";
import { openTransport } from "../git/transport.ts";
import { statusOf } from "../github/api.ts";
import type { GitParts } from "../github/git-parts.ts";
import { type Grant, scopeOf } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import type { Sha } from "../run/identity.ts";
import type { RunRow } from "../store/queries/runs.ts";

/**
 * Has exactly the inspected commit pushed to exactly one ref, from exactly where it was read to stand. The token is minted for this
 * and revoked right after; git never sees it.
 */
export async function pushWork(
  parts: GitParts & { log: Logger },
  run: RunRow,
  push: { branch: string; old: Sha; rebuilt: Sha; duty: "publisher" | "publisherOfWorkflows" },
): Promise<Fact> {
  const { owner, name } = run.request;
  const ref = `refs/heads/${push.branch}`;
  await using publisher = await parts.grants.mint(push.duty, scopeOf(run.id, run.request));
  const standing = await readRef(publisher, { owner, repo: name, branch: push.branch });
  // Pushed by an attempt that did not live to say so.
  if (standing === push.rebuilt) return { is: "pushed", head: push.rebuilt };
  if (standing !== push.old) return movedAway(push.branch);
  await using transport = await openTransport({
    socketPath: join(parts.transportFolder, `${randomUUID().slice(0, 18)}.sock`),
    owner: parts.accounts?.["airlock-git"],
    upstream: parts.webUrl,
    repositoryPath: `${owner}/${name}.git`,
    token: () => publisher.token,
    allow: { kind: "push", old: push.old, new: push.rebuilt, ref },
    network: parts.network,
  });
  const output = await parts.git.push({
    run: run.id,
    old: push.old,
    new: push.rebuilt,
    ref,
    transportSocket: transport.socketPath,
  });
  const report = transport.report();
  const refusals = transport.refusals();
  if (refusals.length > 0) parts.log.error({ runId: run.id, refusals }, "transport refused the git host");
  if (report?.at === "ok") return { is: "pushed", head: push.rebuilt };
  // Not "GitHub did not answer": nothing else was asked of it, and trying again would not make that right.
  if (refusals[0] !== undefined) return refusedByTransport(push.branch, refusals[0]);
  if (report?.at === "refused") return refused(push.branch, `${report.reason}. ${report.remote}`);
  const failure = transport.failure();
  if (failure && failure.status >= 400 && failure.status < 500) return refused(push.branch, failure.message);
  // No answer: GitHub may have taken it. The next attempt looks where the branch stands before it pushes again.
  throw new Fault("github.away", "GitHub did not answer the push", {
    remedy: "It is tried again by itself",
    cause: new Error(failure?.message ?? output.stderr),
  });
}

async function readRef(grant: Grant, at: { owner: string; repo: string; branch: string }): Promise<string | undefined> {
  try {
    const { data } = await grant.api.rest.git.getRef({ owner: at.owner, repo: at.repo, ref: `heads/${at.branch}` });
    return data.object.sha;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function movedAway(branch: string): Fact {
  return {
    is: "work-refused",
    reason: {
      code: "publish.branch-moved",
      words: `Somebody pushed to \`${branch}\` while the agent worked, so its work was not put on top of what nobody had looked at.`,
      remedy: "The work is kept as a patch on the run's page. Look at the branch, then ask again.",
    },
  };
}

function refusedByTransport(branch: string, why: string): Fact {
  return {
    is: "work-refused",
    reason: {
      code: "publish.transport-refused",
      words: `Airlock's git host asked for another push than the inspected one to \`${branch}\`, and Airlock's transport refused it: ${why}.`,
      remedy: "That must not happen: look into the git host's log before anything runs again. The work is kept as a patch.",
    },
  };
}

function refused(branch: string, words: string): Fact {
  return {
    is: "work-refused",
    reason: {
      code: "publish.push-refused",
      words: `GitHub refused the push to \`${branch}\`: ${words
        .replaceAll(/[\p{C}`]+/gu, " ")
        .slice(0, 500)
        .trim()}`,
      remedy: "See the branch's protection rules. The work is kept as a patch on the run's page.",
    },
  };
}
