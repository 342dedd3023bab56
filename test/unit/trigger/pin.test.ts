import { afterAll, beforeAll, expect, it } from "vitest";
import type { Api } from "../../../src/github/api.ts";
import type { Grants } from "../../../src/github/grant.ts";
import type { Store } from "../../../src/store/open.ts";
import { addBranchTip } from "../../../src/store/queries/places.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { pin } from "../../../src/trigger/pin.ts";
import { addHeldRun, openTestStore, requestOf, runId, sha } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const botId = 4;
const app = { identity: async () => ({ botId }) } as never;
const rowOf = (number: number, kind: "pull" | "issue") =>
  ({ id: runId("pin"), request: requestOf(number, { subject: { kind, number, id: number } }) }) as RunRow;
const grantsFor = (api: Api) =>
  ({
    keep: async () => api,
    mint: async () => ({ api, token: "x", [Symbol.asyncDispose]: async () => {} }),
  }) as unknown as Grants;

const pullApi = (pull: object) =>
  ({ rest: { pulls: { get: async () => ({ data: { base: { ref: "main" }, ...pull } }) } } }) as unknown as Api;

it.each([
  [true, undefined],
  [false, true],
  // An older GitHub that does not say.
  [undefined, true],
])("of a pull request that is a draft or is not: %s", async (draft, isForReview) => {
  const head = { ref: "topic", sha: sha("a"), repo: { id: 500, default_branch: "main" } };
  const fact = await pin({ db: store.db, grants: grantsFor(pullApi({ state: "open", head, draft })), app }, rowOf(3, "pull"));
  expect(fact).toMatchObject({ is: "pinned", pins: { headBranch: "topic" } });
  expect((fact as { pins: { isForReview?: true } }).pins.isForReview).toBe(isForReview);
});

it.each(["closed", "open"])("of a pull request that is %s by the time it is looked at", async (state) => {
  const head = { ref: "topic", sha: sha("a"), repo: { id: 500, default_branch: "main" } };
  const fact = await pin({ db: store.db, grants: grantsFor(pullApi({ state, head })), app }, rowOf(3, "pull"));
  expect(fact).toMatchObject(state === "open" ? { is: "pinned" } : { is: "refused", reason: { code: "pin.closed" } });
});

it("of an issue is our own open pull request, however many were opened since", async () => {
  const theirs = { user: { id: 7 }, head: { ref: "theirs", sha: sha("b"), repo: { id: 500 } } };
  const ours = { draft: true, user: { id: botId }, head: { ref: "agent/issue-3", sha: sha("c"), repo: { id: 500 } } };
  const all = [...Array.from({ length: 130 }, () => theirs), ours];
  const api = {
    paginate: {
      async *iterator(list: () => Promise<unknown>) {
        yield await list();
        yield { data: all.slice(100) };
      },
    },
    rest: {
      repos: {
        get: async () => ({ data: { default_branch: "main" } }),
        getBranch: async () => ({ data: { commit: { sha: sha("a") } } }),
      },
      // As GitHub answers it: a hundred at most.
      pulls: { list: async () => ({ data: all.slice(0, 100) }) },
    },
  } as unknown as Api;
  const earlier = await addHeldRun(store, { name: "earlier", number: 3 });
  await addBranchTip(store.db, { repositoryId: 500, branch: "agent/issue-3", sha: sha("c"), run: earlier.id });
  expect(await pin({ db: store.db, grants: grantsFor(api), app }, rowOf(3, "issue"))).toEqual({
    is: "pinned",
    pins: { targetBranch: "main", baseSha: sha("c"), headBranch: "agent/issue-3" },
  });
});
