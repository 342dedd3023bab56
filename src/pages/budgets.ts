import type { Kysely } from "kysely";
import { type Cap, type CapScope, capPeriods, capScopes, type PurseKey, periodAt } from "../run/cap.ts";
import { listPurses } from "../store/queries/budgets.ts";
import type { Schema } from "../store/schema.ts";

/** How it stands with money over all runs, in a period that has not ended. In millionths of a US dollar. */
export interface BudgetLine {
  scope: CapScope;
  /** "owner/name", or a login, as in their newest run; absent for the deployment. */
  name?: string;
  per: PurseKey["per"];
  period: string;
  /** Absent: without limit. */
  capMicroUsd?: number;
  spentMicroUsd: number;
  /** The most that calls under way can cost. */
  reservedMicroUsd: number;
  endsAtMs: number;
}

export interface BudgetReader {
  /** The deployment first; who has spent nothing yet is not there. */
  list(): Promise<BudgetLine[]>;
}

export function createBudgetReader(parts: { db: Kysely<Schema>; caps: readonly Cap[]; nowMs(): number }): BudgetReader {
  return {
    async list() {
      const nowMs = parts.nowMs();
      const periods = capPeriods.map((per) => ({ per, ...periodAt(per, nowMs) }));
      const purses = await listPurses(
        parts.db,
        periods.map(({ period }) => period),
      );
      const lines = capScopes.flatMap((scope) => {
        const own = purses.filter((purse) => purse.scope === scope);
        // Its caps are worth a line before anything was spent.
        const nobody =
          scope === "deployment" && parts.caps.some((cap) => cap.scope === scope) ? [{ owner: 0, name: undefined }] : [];
        const owners = new Map([...nobody, ...own].map(({ owner, name }) => [owner, name]));
        return [...owners].flatMap(([owner, name]) =>
          periods.map(({ per, period, untilMs }): BudgetLine => {
            const purse = own.find((each) => each.owner === owner && each.period === period);
            const cap = parts.caps.find((each) => each.scope === scope && each.per === per);
            return {
              ...{ scope, ...(name !== undefined && { name }), per, period },
              ...(cap && { capMicroUsd: cap.microUsd }),
              ...{ spentMicroUsd: purse?.spentMicroUsd ?? 0, reservedMicroUsd: purse?.reservedMicroUsd ?? 0 },
              endsAtMs: untilMs,
            };
          }),
        );
      });
      return lines;
    },
  };
}
