import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import { firstError, isHttpError, isPassing } from "../github/api.ts";
import type { Grants } from "../github/grant.ts";
import { ensureLabelExists } from "../report/label.ts";
import { labels } from "../run/labels.ts";
import { dropMark, hasMark, takeMark } from "../store/queries/marks.ts";
import type { Schema } from "../store/schema.ts";
import type { Trigger } from "./parse.ts";

interface InstalledParts {
  db: Kysely<Schema>;
  grants: Grants;
}

/**
 * Each repository by itself: one that refuses (it is archived, or gone by now) must not keep the label from the others. Those that are done
 * are marked until all are: GitHub lets an App make so much a minute, and an attempt that began anew would never get through a long list.
 */
export async function prepareRepositories(
  parts: InstalledParts,
  trigger: Extract<Trigger, { kind: "installed" }>,
  receivedAtMs: number,
): Promise<string> {
  const marks: string[] = [];
  let refusal: unknown;
  for (const { id, fullName } of trigger.repositories) {
    const mark = `prepared:${trigger.installationId}:${receivedAtMs}:${id}`;
    marks.push(mark);
    if (await hasMark(parts.db, mark)) continue;
    try {
      await prepareRepository(parts, { installationId: trigger.installationId, id, fullName });
      await takeMark(parts.db, mark);
    } catch (thrown) {
      const error = firstError(thrown);
      if (!isOfOne(error)) throw thrown;
      refusal ??= error;
    }
  }
  // The delivery's note names the first; delivered again, those that refused are tried again.
  if (refusal !== undefined) throw refusal;
  for (const mark of marks) await dropMark(parts.db, mark);
  return `prepared ${trigger.repositories.length} repositories`;
}

/** A refusal for good that says nothing of the other repositories. */
function isOfOne(error: unknown): boolean {
  if (error instanceof Fault) return error.code === "grant.repository-gone" || error.code === "github.redirected";
  return isHttpError(error) && !isPassing(error);
}

async function prepareRepository(
  parts: InstalledParts,
  { installationId, id, fullName }: { installationId: number; id: number; fullName: string },
): Promise<void> {
  const [owner, repo] = fullName.split("/");
  if (!owner || !repo) throw new Fault("github.answer", "GitHub named a repository without its owner", { remedy: "Report this" });
  await using doorman = await parts.grants.mint("doorman", {
    installationId,
    repositoryId: id,
    repository: fullName,
    run: undefined,
  });
  const description = "Ask Airlock to work on this issue";
  await ensureLabelExists(doorman.api, { owner, repo, name: labels.ask, color: "5319e7", description });
  await ensureLabelExists(doorman.api, {
    owner,
    repo,
    name: labels.working,
    color: "fbca04",
    description: "Airlock is at work; take the label away to stop it",
  });
}
