import { pino } from "pino";
import { expect, it } from "vitest";
import type { House } from "../../../src/reconcile/house.ts";
import { takeOver } from "../../../src/reconcile/take-over.ts";
import { evolve } from "../../../src/run/evolve.ts";
import type { Run } from "../../../src/run/state.ts";
import { noteMachine } from "../../../src/store/queries/machines.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { openTestStore, runId, sha } from "../../helpers/store.ts";

const minuteMs = 60_000;

it("of a run's time only that is used up in which its machine was heard of", async () => {
  await using store = await openTestStore();
  await noteMachine(store.db, { machine: "lost", labels: [], places: 1, version: "1", sinceMs: 0, seenAtMs: 5 * minuteMs });
  const state: Run = {
    ...{ at: "working" as const, pins: { targetBranch: "main", baseSha: sha("a") }, slot: { uid: 700_001 } },
    ...{ stand: { branch: "agent/issue-1", sha: sha("b"), startCommit: true, checkRunId: 1 }, startedAtMs: 0 },
    deadlineAtMs: 60 * minuteMs,
  };
  const run = { id: runId("lost"), machine: "lost", state } as unknown as RunRow;
  // Nobody was there to take it over for more than its whole time.
  const house = {
    db: store.db,
    grants: { revokeAll: async () => {} },
    log: pino({ level: "silent" }),
    nowMs: () => 90 * minuteMs,
  };
  const fact = await takeOver(house as unknown as House, run);
  expect(evolve(state, fact)).toMatchObject({ at: "waiting", earlier: { workedMs: 5 * minuteMs } });
}, 60_000);
