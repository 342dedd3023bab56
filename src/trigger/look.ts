import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import { firstError } from "../github/api.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import type { Reason } from "../run/outcome.ts";
import { fileCommand } from "../store/queries/commands.ts";
import { activeRuns, type RunRow } from "../store/queries/runs.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import type { Trigger } from "./parse.ts";

/** What somebody did to a repository or an installation. */
export type Deed = "renamed" | "transferred" | "archived" | "deleted" | "removed" | "uninstalled" | "suspended";

/** What GitHub says of the repository when it is asked. */
export type Found = { is: "here"; archived: boolean } | { is: "refused"; code: string; words: string; remedy: string };

/** The App's permission to work there is gone with these, for as long as nobody gives it back. */
const lost: ReadonlySet<string> = new Set(["grant.uninstalled", "grant.suspended", "grant.repository-gone", "grant.refused"]);

/**
 * ◆ Why the runs of a repository end now; undefined where they go on. The delivery says who did what, and may be late or about a state that
 * has passed: what GitHub answers now decides, and the deed is named only where it explains that.
 */
export function decideLook(of: { deed: Deed; by: string; repository: string; found: Found }): Reason | undefined {
  const { deed, by, repository, found } = of;
  const [owner = ""] = repository.split("/");
  if (found.is === "here") {
    if (!found.archived) return undefined;
    const who = deed === "archived" ? by : "Somebody";
    return {
      code: "repository.archived",
      words: `${who} archived ${repository}, so that nothing can be written to it.`,
      remedy: `If the work is still wanted, take the archiving back and ask again. ${kept}`,
    };
  }
  const done: Partial<Record<Deed, { if: string; words: string }>> = {
    deleted: { if: "grant.repository-gone", words: `${by} deleted the repository ${repository}.` },
    removed: { if: "grant.repository-gone", words: `${by} took ${repository} out of the App's installation.` },
    transferred: { if: "grant.repository-gone", words: `${by} transferred ${repository} to where this App does not work.` },
    uninstalled: { if: "grant.uninstalled", words: `${by} took the App away from ${owner}.` },
    suspended: { if: "grant.suspended", words: `${by} suspended the App's installation for ${owner}.` },
  };
  const told = done[deed];
  const words = told?.if === found.code ? told.words : `${found.words}.`;
  const remedy = deed === "deleted" && told?.if === found.code ? kept : `${found.remedy}. ${kept}`;
  return { code: found.code, words, remedy };
}

const kept = "What the agent has made by then is kept on the run's page.";

/** Looks after the open runs of what a delivery tells of: those whose repository is out of reach are asked to end, with the reason. */
export async function lookAfterRuns(
  parts: { db: Kysely<Schema>; queue: Queue; grants: Grants; nowMs(): number },
  { at, deed, by }: Extract<Trigger, { kind: "look" }>,
): Promise<string> {
  const concerned = (await activeRuns(parts.db)).filter(({ request }) =>
    "repositoryId" in at ? request.repositoryId === at.repositoryId : request.installationId === at.installationId,
  );
  let ended = 0;
  const seen = new Map<number, Found>();
  for (const run of concerned) {
    const { repositoryId, owner, name } = run.request;
    const found = seen.get(repositoryId) ?? (await look(parts.grants, run));
    seen.set(repositoryId, found);
    const reason = decideLook({ deed, by, repository: `${owner}/${name}`, found });
    if (!reason) continue;
    await fileCommand(parts.db, parts.queue, {
      run: run.id,
      command: { kind: "stop", by, how: "github", reason },
      nowMs: parts.nowMs(),
    });
    ended++;
  }
  return `${deed}: ${ended} of ${concerned.length} runs asked to end`;
}

/** Throws where GitHub does not say: the delivery then stays waiting. */
async function look(grants: Grants, run: RunRow): Promise<Found> {
  try {
    return { is: "here", ...(await grants.look({ ...scopeOf(run.id, run.request), run: undefined })) };
  } catch (thrown) {
    const error = firstError(thrown);
    // Noted by then, and on the way of every step that comes.
    if (error instanceof Fault && error.code === "repository.moved") return { is: "here", archived: false };
    if (error instanceof Fault && lost.has(error.code))
      return { is: "refused", code: error.code, words: error.message, remedy: error.remedy };
    throw error;
  }
}
