import type { Kysely } from "kysely";
import type { GitHubApp } from "../github/app.ts";
import { findRepository } from "../github/find-repository.ts";
import { addPause, everything, listPauses, type PauseRow, removePause } from "../store/queries/pauses.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";

/** What an operator wants paused or resumed. `repository`: "owner/name"; absent: everything. */
export interface PauseWish {
  repository?: string;
}

/** Keeps runs from beginning, and lets them again. Throws what findRepository throws. */
export interface Pauser {
  /** `working`: what is at work is put away too. */
  pause(wish: PauseWish & { by: string; working: boolean }): Promise<void>;
  /** False where it was not paused. */
  resume(wish: PauseWish): Promise<boolean>;
  list(): Promise<PauseRow[]>;
}

export function createPauser(parts: { db: Kysely<Schema>; queue: Queue; app: GitHubApp; nowMs(): number }): Pauser {
  const { db, queue, app } = parts;
  const find = async ({ repository }: PauseWish): Promise<{ repositoryId: number; repository?: string }> => {
    if (repository === undefined) return { repositoryId: everything };
    const { id, owner, name } = await findRepository(app, repository);
    return { repositoryId: id, repository: `${owner}/${name}` };
  };
  return {
    async pause({ by, working, ...wish }) {
      await addPause(db, queue, { ...(await find(wish)), by, working, nowMs: parts.nowMs() });
    },
    resume: async (wish) => removePause(db, queue, (await find(wish)).repositoryId),
    list: () => listPauses(db),
  };
}
