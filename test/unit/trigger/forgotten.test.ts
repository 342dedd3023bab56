import { afterAll, beforeAll, expect, it } from "vitest";
import { commentMarker } from "../../../src/report/comment.ts";
import { printEndMark } from "../../../src/report/end-mark.ts";
import { recalledCode } from "../../../src/run/outcome.ts";
import type { Store } from "../../../src/store/open.ts";
import { addEndedRun, findRun } from "../../../src/store/queries/runs.ts";
import { recallAsk } from "../../../src/trigger/forgotten.ts";
import { openTestStore, requestOf, runId } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const botId = 4;
const [askedAtMs, endedAtMs] = [1_000_000, 1_600_000];
const mark = printEndMark({ ending: { outcome: "succeeded" } });
const commentOf = (name: string, atMs: number, { ended = true } = {}) => ({
  ...{ id: 1, user: { id: botId }, updated_at: new Date(atMs).toISOString() },
  body: `${commentMarker(runId(name))}\nText.${ended ? `\n\n${mark}` : ""}`,
});

let number = 0;
/** What becomes of an ask at `atMs` on an issue where a run was asked for at 1,000 s and its end told at 1,600 s. */
async function recall(name: string, atMs: number, given: { code?: string; comments?: object[] } = {}) {
  const former = `${name}-former`;
  const { code = recalledCode, comments = [] } = given;
  const at = { pageKey: name, request: requestOf(++number), nowMs: 2_000_000 };
  const ending = { outcome: "succeeded", reason: { code, words: "It ended." } } as const;
  await addEndedRun(store.db, { ...at, id: runId(former), pageKey: former, causeKey: former, ended: { ending } });
  const data = [commentOf(former, endedAtMs), ...comments];
  const api = {
    paginate: {
      iterator: async function* () {
        yield { data };
      },
    },
    rest: { issues: {} },
  } as never;
  const asked = { ...at, id: runId(name), causeKey: name, request: { ...at.request, askedAtMs: atMs } };
  return recallAsk({ db: store.db, botId }, api, asked);
}

it("[80] what was asked for while a run was at work of which a later life learned the end was refused then, and is not begun now", async () => {
  expect(await recall("within", endedAtMs - 1_000)).toEqual({ is: "refused", busyWith: runId("within-former") });
});

it("what was asked for when its end had been told, in the same second too, is begun", async () => {
  expect(await recall("after", endedAtMs)).toBeUndefined();
});

it("what was asked for before it is begun", async () => {
  expect(await recall("before", askedAtMs - 1_000)).toBeUndefined();
});

it("what was asked for while a run was at work of which this very store knows the end was missed, and is begun", async () => {
  expect(await recall("missed", endedAtMs - 1_000, { code: "run.stopped" })).toBeUndefined();
});

it("what has a comment of its own was begun, and goes on", async () => {
  const own = commentOf("begun", endedAtMs, { ended: false });
  expect(await recall("begun", endedAtMs - 1_000, { comments: [own] })).toBeUndefined();
});

it("what has ended is written down as it ended", async () => {
  const own = commentOf("done", 1_900_000);
  expect(await recall("done", 1_700_000, { comments: [own] })).toEqual({ is: "ended" });
  expect((await findRun(store.db, runId("done")))?.state).toMatchObject({ at: "ended", ending: { outcome: "succeeded" } });
});
