import type { Kysely } from "kysely";
import type { Logger } from "pino";
import type { DiskKeeper } from "../disk/keeper.ts";
import type { Grants } from "../github/grant.ts";
import { sweepOrphans } from "../reconcile/orphans.ts";
import { presumeSpent } from "../store/queries/budgets.ts";
import { forgetMachines } from "../store/queries/machines.ts";
import { forgetMarks } from "../store/queries/marks.ts";
import { forgetOld, type Retention } from "../store/queries/retention.ts";
import { activeRuns } from "../store/queries/runs.ts";
import type { Schema } from "../store/schema.ts";

/** No call of the model's lasts longer. */
const longestCallMs = 3_600_000;
/** No delivery takes that long, so its token cannot be in use any more. */
const longestDeliveryMs = 600_000;
const hourMs = 3_600_000;

export interface Tidy extends AsyncDisposable {
  /** What an earlier life has left: its tokens die before anything is done; its remains are removed meanwhile. */
  begin(): Promise<void>;
  /** By the timer. */
  again(): Promise<void>;
}

/** Removes what nobody needs any more: remains of runs, tokens, what has been kept for its time. */
export function createTidy(of: {
  db: Kysely<Schema>;
  grants: Grants;
  disk: DiskKeeper;
  log: Logger;
  nowMs(): number;
  retention: Retention;
  /** What sweepOrphans works with. */
  remains: Parameters<typeof sweepOrphans>[0];
}): Tidy {
  const { db, grants, log, nowMs } = of;
  const sweepTokens = async (olderThanMs: number) =>
    grants.sweep(new Set((await activeRuns(db)).map((run) => run.id)), olderThanMs);
  let sweeping = Promise.resolve();
  const sweepRemains = () => {
    sweeping = sweeping.then(async () => {
      const removed = await sweepOrphans(of.remains).catch((error: unknown) => {
        log.warn({ err: error }, "orphans not looked for yet");
        return [];
      });
      if (removed.length > 0) log.info({ removed }, "orphans removed");
    });
    return sweeping;
  };
  let forgotAtMs = 0;
  const forget = async (atMs: number) => {
    if (atMs - forgotAtMs < hourMs) return;
    forgotAtMs = atMs;
    await forgetMachines(db, atMs - 24 * hourMs);
    await forgetMarks(db, atMs);
    const lost = await forgetOld(db, { retention: of.retention, nowMs: atMs });
    if (lost > 0) log.info({ runs: lost }, "transcripts and records removed after their time");
    await of.disk.tidy();
  };
  return {
    async begin() {
      const swept = await sweepTokens(0);
      if (swept > 0) log.info({ swept }, "tokens of earlier lives revoked");
      // Not waited for: an engine that answers slowly must not keep a delivery waiting. What fails now is tried by the timer again.
      void sweepRemains();
    },
    async again() {
      await sweepRemains();
      await sweepTokens(longestDeliveryMs);
      const presumed = await presumeSpent(db, { endedMs: nowMs() - 60_000, madeMs: nowMs() - longestCallMs });
      if (presumed > 0) log.warn({ calls: presumed }, "calls that nobody settled are counted in full");
      await forget(nowMs());
    },
    [Symbol.asyncDispose]: () => sweeping,
  };
}
