import { readdir } from "node:fs/promises";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { Gateway } from "../gateway/client.ts";
import type { GitHost } from "../git/client.ts";
import { parseRunId, type RunId } from "../run/identity.ts";
import type { Engine } from "../sandbox/engine.ts";
import { removeRunFolder } from "../sandbox/ready.ts";
import { observeRemains } from "../sandbox/remains.ts";
import { removeSandbox } from "../sandbox/sandboxes.ts";
import { activeRuns, findRun } from "../store/queries/runs.ts";
import type { LineWish } from "../store/queries/slots.ts";
import type { Schema } from "../store/schema.ts";

export interface OrphanParts {
  db: Kysely<Schema>;
  engine: Engine;
  gateway: Gateway;
  git: GitHost;
  instance: string;
  /** Which machine this is. */
  line: Pick<LineWish, "here">;
  runsFolder: string;
  /** Trials of this process that are not taken apart yet. */
  trials: { living: ReadonlySet<RunId> };
  log: Logger;
}

/**
 * Removes what an App that was killed left of runs that have ended and of trials: container, namespace, network, volume and disk,
 * door, repository, folder. Only this instance's: the data folder is locked, so whatever bears its name and belongs neither to an
 * open run nor to a trial of this very process belongs to nobody. Answers with whose remains were removed. Idempotent; what cannot
 * be removed is logged, and tried again the next time.
 */
export async function sweepOrphans(parts: OrphanParts): Promise<RunId[]> {
  // What there is comes first and who lives second: a run that begins in between is then among the living, not among the orphans.
  const found = await observeOwners(parts);
  const { machine } = parts.line.here;
  // What another machine has taken over is nothing to this one any more.
  const own = (await activeRuns(parts.db)).filter((run) => run.machine === machine);
  const living = new Set([...own.map((run) => run.id), ...parts.trials.living]);
  const removed: RunId[] = [];
  for (const run of decideOrphans(found, living)) {
    try {
      // One that has come back here meanwhile has made its things anew.
      const row = await findRun(parts.db, run);
      if (row && row.state.at !== "ended" && row.machine === machine) continue;
      await removeRemains(parts, run);
      removed.push(run);
    } catch (error) {
      parts.log.warn({ err: error, runId: run }, "orphan not removed yet");
    }
  }
  return removed;
}

/** Pure. */
export function decideOrphans(found: ReadonlySet<RunId>, living: ReadonlySet<RunId>): RunId[] {
  return [...found].filter((run) => !living.has(run)).sort();
}

async function observeOwners(parts: OrphanParts): Promise<Set<RunId>> {
  const [inEngine, doors, repositories, folders] = await Promise.all([
    observeRemains(parts.engine, parts),
    parts.gateway.listDoors(),
    parts.git.listRuns(),
    readdir(parts.runsFolder),
  ]);
  const named = folders.flatMap((name) => parseRunId(name) ?? []);
  return new Set([...inEngine, ...doors.map((door) => door.run), ...repositories.map((each) => each.run), ...named]);
}

/** Whatever this machine has of the run. Idempotent. */
export async function removeRemains(
  parts: Pick<OrphanParts, "gateway" | "engine" | "git" | "instance" | "runsFolder">,
  run: RunId,
): Promise<void> {
  // The door first: what still works in there must not be answered any more. Then what holds the folder's mount, then the folder.
  const { lastSeq } = await parts.gateway.closeDoor(run);
  await removeSandbox(parts.engine, { instance: parts.instance, run });
  await parts.gateway.acknowledge(run, lastSeq);
  await parts.git.removeRun(run);
  await removeRunFolder(parts.runsFolder, run);
}
