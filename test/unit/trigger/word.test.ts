import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Fact } from "../../../src/run/fact.ts";
import type { Run } from "../../../src/run/state.ts";
import type { Store } from "../../../src/store/open.ts";
import { commandsOf } from "../../../src/store/queries/commands.ts";
import { appendFact } from "../../../src/store/queries/facts.ts";
import { findRun, type RunRow } from "../../../src/store/queries/runs.ts";
import type { Asked } from "../../../src/trigger/parse.ts";
import { filePress, fileWord } from "../../../src/trigger/word.ts";
import { addHeldRun, openTestStore, requestOf, sha } from "../../helpers/store.ts";

let store: Store;
let run: RunRow;
let number = 0;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const said: string[] = [];
const api = {
  paginate: { iterator: async function* () {} },
  rest: {
    reactions: { createForIssueComment: async () => {} },
    issues: { listComments: {}, createComment: async ({ body }: { body: string }) => void said.push(body) },
  },
} as never;
const parts = () => ({ db: store.db, queue: store.queue, releaseByOthers: false, botId: 4, nowMs: () => 2_000_000 });
const asked = (): Asked => {
  const { installationId, accountId, repositoryId, owner, name, subject, requester } = requestOf(number);
  return { installationId, accountId, accountLogin: owner, repositoryId, owner, name, subject, requester, commentId: number };
};
const comment = (atMs: number) => fileWord(parts(), api, { kind: "word", asked: asked(), word: "publish", commit: "", atMs });
const press = (atMs: number) => filePress(parts(), api, { run, asked: asked(), word: "publish", atMs });

beforeEach(async () => {
  number++;
  said.length = 0;
  run = await addHeldRun(store, { name: `word${"abcdefgh".charAt(number)}`, number });
  const why = [{ code: "publish.ci", words: "One." }];
  const stand = { branch: "b", sha: sha("a"), startCommit: true, checkRunId: 1 };
  const pins = { targetBranch: "main", baseSha: sha("b") };
  const state: Run = { at: "held", pins, stand, tip: sha("d"), rebuilt: sha("e"), why, heldUntilMs: 9e9 };
  const held = { tip: sha("d"), rebuilt: sha("e"), commits: 1, files: 1, why, untilMs: 9e9 };
  const append = (fact: Fact, nowMs: number) =>
    appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact, state, nowMs });
  await append({ is: "held", ...held }, 1_000_000);
  await append({ is: "held-again", by: "ada", why, heard: 0, untilMs: 9e9 }, 1_500_000);
  const row = await findRun(store.db, run.id);
  if (!row) throw new Error("no run");
  run = row;
});

it.each([
  ["comment", comment],
  ["press of the button", press],
])("a %s from before the work was held again decides nothing, however late it is heard", async (_, say) => {
  expect(await say(1_499_000)).toMatch(/^not filed: That was said before/);
  expect(await commandsOf(store.db, run.id)).toEqual([]);
  // The end of the handling failed, and it is handled again.
  expect(await say(1_499_000)).toMatch(/^not filed/);
  expect(said).toHaveLength(1);
  expect(await say(1_500_000)).toMatch(/^asked run/);
  expect(await commandsOf(store.db, run.id)).toHaveLength(1);
});
