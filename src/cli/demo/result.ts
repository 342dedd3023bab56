import type { RunView } from "../../pages/view.ts";
import { parseRunId } from "../../run/identity.ts";
import { conclusionOf, type Outcome } from "../../run/outcome.ts";
import { findArrivalOfRun } from "../../store/queries/deliveries.ts";
import { findRun } from "../../store/queries/runs.ts";
import type { LocalHouse } from "../local-house.ts";

/** The demo's one JSON object. Times are milliseconds from the delivery's first byte. */
export async function readResult(house: LocalHouse, view: RunView) {
  const { db } = house.app;
  const id = parseRunId(view.id);
  const row = id && (await findRun(db, id));
  const pull = row?.state.at === "ended" ? row.state.pullRequest : undefined;
  const arrivedAtMs = (await findArrivalOfRun(db, view.id)) ?? view.createdAtMs;
  const firstModel = view.evidence.rows.find((each) => each.door === "model");
  const span = (atMs: number | undefined) => (atMs === undefined ? undefined : atMs - arrivedAtMs);
  const { tokens } = house.github.state();
  return {
    outcome: view.state.outcome,
    run: view.id,
    issue: view.subject.number,
    ...(pull && { pullRequest: { number: pull.number, url: pull.url, head: pull.head } }),
    ...(view.checkRun && {
      checkRun: { id: view.checkRun.id, conclusion: view.state.outcome ? conclusionOf(view.state.outcome as Outcome) : null },
    }),
    sandbox: { mode: view.mode, checks: view.checks.length, failed: view.checks.filter((check) => !check.ok).length },
    egress: { allowed: view.evidence.allowed, refused: view.evidence.refused },
    tokens: { minted: tokens.minted, live: tokens.live },
    timings: { acceptedMs: span(view.createdAtMs), firstModelRequestMs: span(firstModel?.atMs), totalMs: span(view.endedAtMs) },
  };
}
