import type { Kysely } from "kysely";
import type { GitHost } from "../git/client.ts";
import type { GitHubApp } from "../github/app.ts";
import type { Fact } from "../run/fact.ts";
import type { Sha } from "../run/identity.ts";
import { putPaper } from "../store/queries/papers.ts";
import { addBranchTip } from "../store/queries/places.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { inspect } from "./inspect.ts";
import { readPatch, readWork } from "./read.ts";
import { rebuildWork } from "./rebuild.ts";

export interface ExamineParts {
  db: Kysely<Schema>;
  git: GitHost;
  app: GitHubApp;
  redact(text: string): string;
  nowMs(): number;
}

const limits = { commits: 200, files: 3_000 };
const patchLimitBytes = 2 * 1024 * 1024;

/** Reads the run's one ref, keeps the change for people, judges it, and rebuilds it as commits of ours. */
export async function examineWork(parts: ExamineParts, run: RunRow, at: { base: Sha; branch: string }): Promise<Fact> {
  const work = await readWork(parts.git, run.id, at.base, limits.commits);
  if (!work) return { is: "nothing-made" };
  const keep = (kind: "patch" | "inspection", text: string) => putPaper(parts.db, { run: run.id, fence: run.fence, kind, text });
  // Kept before it is judged: what is refused is a person's to look at, and not lost.
  await keep("patch", parts.redact(await readPatch(parts.git, run.id, at.base, work.tip, patchLimitBytes)));
  const verdict = inspect({ commits: work.changes, limits });
  if (verdict.is === "refused") return { is: "work-refused", reason: verdict.reason };
  await keep("inspection", JSON.stringify(verdict.notes));
  const identity = await parts.app.identity();
  const rebuilt = await rebuildWork(
    { git: parts.git, run: run.id, request: run.request, identity, base: at.base, atMs: parts.nowMs(), redact: parts.redact },
    work,
  );
  // Ours from now on: whoever finds this tip on the branch knows that nobody else put it there.
  await addBranchTip(parts.db, { repositoryId: run.request.repositoryId, branch: at.branch, sha: rebuilt, run: run.id });
  return { is: "inspected", tip: work.tip, rebuilt, commits: work.chain ? work.commits.length : 1, files: verdict.files };
}
