import type { Kysely } from "kysely";
import { parseRunId } from "../run/identity.ts";
import { ownerOfCommit } from "../store/queries/places.ts";
import { findRun, type RunRow } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

/** The run whose check was asked for again: by the check's external id, or for a whole suite by the commit that we put there. */
export async function findRerun(
  db: Kysely<Schema>,
  asked: { externalId: string | undefined; headSha: string; asked: { repositoryId: number } },
): Promise<RunRow | undefined> {
  const named = parseRunId(asked.externalId) ?? (await ownerOfCommit(db, asked.asked.repositoryId, asked.headSha));
  const run = named && (await findRun(db, named));
  // An external id is only a hint that GitHub keeps for us: it must lead to a run of this very repository.
  return run && run.request.repositoryId === asked.asked.repositoryId && run.state.at === "ended" ? run : undefined;
}
