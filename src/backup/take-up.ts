import { createReadStream, existsSync, lchownSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { Logger } from "pino";
import { Fault } from "../fault.ts";
import { countSpent } from "../gateway/model/ledger.ts";
import { beginSpool } from "../gateway/spool.ts";
import type { GitHost } from "../git/client.ts";
import type { Accounts } from "../privilege/accounts.ts";
import { ensureFolder } from "../privilege/folder.ts";
import type { RunId } from "../run/identity.ts";
import { listPlaces } from "../store/folder.ts";
import { receivedOf } from "../store/queries/record.ts";
import { activeRuns } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";
import { parseManifest, workPart } from "./manifest.ts";

export interface TakeUpParts {
  db: Kysely<Schema>;
  git: GitHost;
  accounts: Accounts;
  /** The data folder. */
  folder: string;
  log: Logger;
}

/**
 * Gives the open runs of a restored store back what they need outside of it: their repositories, and the gateway's count of what they asked
 * and spent. To be called before the gateway starts. Idempotent; what is there already is newer than any backup, and stays. Throws Fault
 * "backup.not-taken-up" where a repository does not come back: without it, its run would end, and the work with it.
 */
export async function takeUpRestored(parts: TakeUpParts): Promise<void> {
  for (const place of listPlaces(join(parts.folder, "store"), "restored")) {
    const { work } = parseManifest(await readFile(join(place, "manifest.json"), "utf8"));
    const open = new Set((await activeRuns(parts.db)).map(({ id }) => id));
    for (const { spent, ...shape } of work.filter(({ run }) => open.has(run))) {
      const pack = join(place, workPart(shape.run));
      if (existsSync(pack))
        await parts.git.restoreRun(shape, createReadStream(pack)).catch((cause) => Promise.reject(notTakenUp(pack, cause)));
      await restoreRecord(parts, shape.run, spent);
      open.delete(shape.run);
      parts.log.info({ runId: shape.run }, "repository restored");
    }
    // One that had no repository yet may have a record all the same.
    for (const run of open) await restoreRecord(parts, run, { microUsd: 0, tokens: 0 });
    await rm(place, { recursive: true, force: true });
  }
}

async function restoreRecord(parts: TakeUpParts, run: RunId, spent: { microUsd: number; tokens: number }): Promise<void> {
  const gateway = parts.accounts?.["airlock-gateway"];
  const folder = join(parts.folder, "spool");
  await ensureFolder({ path: folder, mode: 0o700, uid: gateway?.uid, gid: gateway?.gid });
  for (const made of [beginSpool(folder, run, await receivedOf(parts.db, run)), countSpent(folder, run, spent)])
    if (made !== undefined && gateway) lchownSync(made, gateway.uid, gateway.gid);
}

function notTakenUp(pack: string, cause: unknown): Fault {
  return new Fault("backup.not-taken-up", `The repository in ${pack} could not be restored`, {
    remedy: "See whether the disk is full, and start again; to go on without that run's work, move the file away first",
    cause,
  });
}
