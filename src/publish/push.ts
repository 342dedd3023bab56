import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { Fault } from "../fault.ts";
import { openTransport } from "../git/transport.ts";
import { redirected, statusOf } from "../github/api.ts";
import type { GitParts } from "../github/git-parts.ts";
import { type Grant, scopeOf } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import type { Sha } from "../run/identity.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { decideStanding } from "./standing.ts";

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
  const tip = await readRef(publisher, { owner, repo: name, branch: push.branch });
  // Pushed by an attempt that did not live to say so.
  if (tip === push.rebuilt) return { is: "pushed", head: push.rebuilt };
  const reason = decideStanding({ branch: push.branch, ...(await readStanding(parts, run, { publisher, old: push.old, tip })) });
  if (reason) return { is: "work-refused", reason };
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
  // Renamed since the token was minted: the next attempt finds it.
  if (failure && failure.status >= 300 && failure.status < 400) throw redirected(`${owner}/${name}`);
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

async function readStanding(
  parts: GitParts,
  run: RunRow,
  of: { publisher: Grant; old: Sha; tip: string | undefined },
): Promise<Omit<Parameters<typeof decideStanding>[0], "branch">> {
  const { owner, name: repo, subject } = run.request;
  if (of.tip === undefined) return { tip: "gone" };
  if (of.tip !== of.old) return { tip: (await isAhead(of.publisher, { owner, repo, ...of })) ? "ahead" : "forced" };
  if (subject.kind !== "pull") return { tip: "as-it-was" };
  const api = await parts.grants.keep("reporter", scopeOf(run.id, run.request));
  const { data: pull } = await api.rest.pulls.get({ owner, repo, pull_number: subject.number });
  const state = pull.merged ? ("merged" as const) : pull.state === "closed" ? ("closed" as const) : ("open" as const);
  return { tip: "as-it-was", pull: { number: subject.number, state } };
}

async function isAhead(grant: Grant, at: { owner: string; repo: string; old: Sha; tip: string | undefined }): Promise<boolean> {
  const { owner, repo, old, tip } = at;
  try {
    const compared = { owner, repo, basehead: `${old}...${tip}`, per_page: 1 };
    return (await grant.api.rest.repos.compareCommitsWithBasehead(compared)).data.status === "ahead";
  } catch (error) {
    // GitHub does not know the old commit any more, or finds nothing in common.
    if (statusOf(error) === 404) return false;
    throw error;
  }
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
