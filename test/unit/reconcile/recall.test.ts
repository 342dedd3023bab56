import { pino } from "pino";
import { expect, it } from "vitest";
import type { GitHubApp } from "../../../src/github/app.ts";
import type { Grants } from "../../../src/github/grant.ts";
import { createRecall } from "../../../src/reconcile/recall.ts";
import { commentMarker } from "../../../src/report/comment.ts";
import { printEndMark } from "../../../src/report/end-mark.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { requestOf, runId } from "../../helpers/store.ts";

const run = {
  id: runId("recalled"),
  createdAtMs: 5_000_000,
  request: requestOf(1),
  state: { at: "announcing" },
} as unknown as RunRow;

function openRecall(body: string | undefined) {
  const since: string[] = [];
  const iterator = async function* (_: unknown, asked: { since: string }) {
    since.push(asked.since);
    yield { data: body === undefined ? [] : [{ id: 1, body, user: { id: 4 } }] };
  };
  const api = { paginate: { iterator }, rest: { issues: { listComments: {} } } };
  const recall = createRecall({
    grants: { mint: async () => ({ api, [Symbol.asyncDispose]: async () => {} }) } as unknown as Grants,
    app: { identity: async () => ({ botId: 4 }) } as unknown as GitHubApp,
    ...{ log: pino({ level: "silent" }), nowMs: () => 9_000_000 },
  });
  return { recall, since };
}

it("says an end that GitHub knows until it is written down, and asks once where there is none", async () => {
  const ended = openRecall(`${commentMarker(run.id)}\nDone.\n\n${printEndMark({ ending: { outcome: "succeeded" } })}`);
  for (let look = 0; look < 2; look++) expect(await ended.recall(run)).toMatchObject({ ending: { outcome: "succeeded" } });
  expect(await ended.recall({ ...run, state: { at: "closing" } } as unknown as RunRow)).toBeUndefined();
  const open = openRecall(undefined);
  for (let look = 0; look < 2; look++) expect(await open.recall(run)).toBeUndefined();
  // Not from when its row was made: that may be younger than its comment.
  expect(open.since).toEqual([new Date(Math.min(run.createdAtMs, run.request.askedAtMs) - 60_000).toISOString()]);
});
