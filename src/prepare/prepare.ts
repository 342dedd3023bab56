import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { GitParts } from "../github/git-parts.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Fact } from "../run/fact.ts";
import { lowerLimits, type RunLimits } from "../run/limits.ts";
import type { Reason } from "../run/outcome.ts";
import type { Pins } from "../run/request.ts";
import { putPaper } from "../store/queries/papers.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import type { AgentFile } from "./agent-file.ts";
import { fetchBases } from "./base.ts";
import { readTrustedComments } from "./comments.ts";
import { readInstructionFiles } from "./instructions.ts";
import { buildPrompt } from "./prompt.ts";
import { readAgentFile } from "./read-agent-file.ts";

export interface PrepareParts extends GitParts {
  db: Kysely<Schema>;
  grants: Grants;
  /** What a run may use at most. */
  maximum: RunLimits;
  redact(text: string): string;
}

const commentLimit = 30;

/** Makes all that the agent will find: its repository on the git host, with nothing but what its branches reach, and its prompt. */
export async function prepareRun(parts: PrepareParts, run: RunRow, of: { pins: Pins; branch: string }): Promise<Fact> {
  const { pins, branch } = of;
  const { request } = run;
  const branches = pins.headBranch ? [pins.headBranch, pins.targetBranch] : [pins.targetBranch];
  const bases = await fetchBases(parts, run, branches);
  const own = await readOwnSettings(parts, run, pins);
  if ("wrong" in own) return { is: "refused", reason: own.wrong };
  const { limits, told } = lowerLimits(parts.maximum, own.limits);
  await parts.git.ensureRunRepository({ run: run.id, bases, branches: [{ name: branch, sha: pins.baseSha }] });
  const api = await parts.grants.keep("reporter", scopeOf(run.id, request));
  const built = buildPrompt({
    subject: request.subject,
    repository: `${request.owner}/${request.name}`,
    branch,
    title: request.title,
    body: request.body,
    comments: await readTrustedComments(api, request, commentLimit),
    ...(request.cause.kind === "command" && { instructions: request.cause.instructions }),
    instructionFiles: await readInstructionFiles(parts.git, run.id, pins.baseSha),
    nonce: randomBytes(12).toString("hex"),
  });
  await putPaper(parts.db, { run: run.id, fence: run.fence, kind: "prompt", text: parts.redact(built.text) });
  return { is: "prepared", promptBytes: Buffer.byteLength(built.text), removed: built.removed, limits, told };
}

/** Those of the branch that the work goes into: a pull request's own branch belongs to whoever pushes to it. */
async function readOwnSettings(parts: PrepareParts, run: RunRow, pins: Pins): Promise<AgentFile | { wrong: Reason }> {
  const target = await parts.git.findBase({ repositoryId: run.request.repositoryId, branch: pins.targetBranch });
  if (!target) throw new Error(`there is no base of ${pins.targetBranch}, which was fetched a moment ago`);
  return readAgentFile(parts.git, { base: target.base }, pins.headBranch ? target.tip : pins.baseSha);
}
