import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import type { BaseName } from "../git/names.ts";
import { type Api, statusOf } from "../github/api.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import type { Sha } from "../run/identity.ts";
import { lowerLimits, type RunLimits } from "../run/limits.ts";
import type { Reason } from "../run/outcome.ts";
import type { Pins } from "../run/request.ts";
import { putPaper } from "../store/queries/papers.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { LineWish } from "../store/queries/slots.ts";
import type { Schema } from "../store/schema.ts";
import type { AgentFile } from "./agent-file.ts";
import { type FetchParts, fetchBases } from "./base.ts";
import { readTrustedComments, type TrustedComment } from "./comments.ts";
import { readInstructionFiles } from "./instructions.ts";
import { buildPrompt } from "./prompt.ts";
import { readAgentFile } from "./read-agent-file.ts";

export interface PrepareParts extends FetchParts {
  db: Kysely<Schema>;
  grants: Grants;
  /** What a run may use at most. */
  maximum: RunLimits;
  /** What this machine offers. */
  line: Pick<LineWish, "here">;
  redact(text: string): string;
}

const commentLimit = 30;

/** Makes all that the agent will find: its repository on the git host, with nothing but what its branches reach, and its prompt. */
export async function prepareRun(
  parts: PrepareParts,
  run: RunRow,
  of: { pins: Pins; branch: string },
  fetch: typeof fetchBases = fetchBases,
): Promise<Fact> {
  const { pins, branch } = of;
  const { request } = run;
  const branches = pins.headBranch ? [pins.headBranch, pins.targetBranch] : [pins.targetBranch];
  const bases = await fetch(parts, run, branches);
  const own = await readOwnSettings(parts, run, pins);
  if ("wrong" in own) return { is: "refused", reason: own.wrong };
  if (own.machine?.some((label) => !parts.line.here.labels.includes(label))) return { is: "sent-on", needs: own.machine };
  const { limits, told } = lowerLimits(parts.maximum, own.limits);
  if (!(await isReached(parts, bases, pins.baseSha))) return { is: "refused", reason: forced(pins) };
  await parts.git.ensureRunRepository({ run: run.id, bases, branches: [{ name: branch, sha: pins.baseSha }] });
  const api = await parts.grants.keep("reporter", scopeOf(run.id, request));
  const comments = await findComments(api, run);
  const built = buildPrompt({
    subject: request.subject,
    repository: `${request.owner}/${request.name}`,
    branch,
    title: request.title,
    body: request.body,
    comments: comments ?? [],
    ...(request.cause.kind !== "label" && request.cause.instructions && { instructions: request.cause.instructions }),
    instructionFiles: await readInstructionFiles(parts.git, run.id, pins.baseSha),
    nonce: randomBytes(12).toString("hex"),
  });
  await putPaper(parts.db, { run: run.id, fence: run.fence, kind: "prompt", text: parts.redact(built.text) });
  return {
    is: "prepared",
    promptBytes: Buffer.byteLength(built.text),
    removed: [...built.removed, ...(comments ? [] : ["all comments, since GitHub does not show the issue any more"])],
    limits,
    told,
    ...(built.lookAlikes.length > 0 && { lookAlikes: built.lookAlikes }),
    ...(own.paths && { paths: own.paths }),
  };
}

/** Undefined where the issue was deleted or transferred since, or issues were turned off: title and text are those that were signed. */
async function findComments(api: Api, { request, tries }: RunRow): Promise<TrustedComment[] | undefined> {
  try {
    return await readTrustedComments(api, request, commentLimit);
  } catch (error) {
    // What has moved may be the repository, which is looked for first.
    if (error instanceof Fault && error.code === "github.redirected" && tries > 0) return undefined;
    if (statusOf(error) === 404 || statusOf(error) === 410) return undefined;
    throw error;
  }
}

/** Whether the commit that was pinned is still in one of the branches: what is force-pushed away in between is nobody's to work on. */
async function isReached(parts: Pick<PrepareParts, "git">, bases: readonly BaseName[], commit: Sha): Promise<boolean> {
  for (const base of bases)
    if ((await parts.git.git({ base }, ["cat-file", "-e", `${commit}^{commit}`])).exitCode === 0) return true;
  return false;
}

function forced({ headBranch, targetBranch, baseSha }: Pins): Reason {
  return {
    code: "prepare.branch-forced",
    words: `Somebody force-pushed ${headBranch ?? targetBranch} before the agent started: the commit ${baseSha.slice(0, 12)} that was authorised is not in it any more.`,
    remedy: "Look at the branch, then ask again.",
  };
}

/** Those of the branch that the work goes into: a pull request's own branch belongs to whoever pushes to it. */
async function readOwnSettings(parts: PrepareParts, run: RunRow, pins: Pins): Promise<AgentFile | { wrong: Reason }> {
  const target = await parts.git.findBase({ repositoryId: run.request.repositoryId, branch: pins.targetBranch });
  if (!target) throw new Error(`there is no base of ${pins.targetBranch}, which was fetched a moment ago`);
  return readAgentFile(parts.git, { base: target.base }, pins.headBranch ? target.tip : pins.baseSha);
}
