import { afterAll, beforeAll, expect, it } from "vitest";
import { commentMarker } from "../../../src/report/comment.ts";
import { createTeller, type TellerParts } from "../../../src/report/teller.ts";
import type { Store } from "../../../src/store/open.ts";
import { addHeldRun, openTestStore } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

it("[80] finds its comment of a life that the store has forgotten, and makes no second one", async () => {
  const askedAtMs = Date.parse("2026-01-01T10:00:00Z");
  // Written down again two hours later, from GitHub's log of deliveries.
  const run = await addHeldRun(store, { name: "teller", number: 1, request: { askedAtMs }, nowMs: askedAtMs + 7_200_000 });
  const comments = [{ id: 1, body: commentMarker(run.id), user: { id: 4 }, updated_at: "2026-01-01T10:01:00Z" }];
  const made: string[] = [];
  const api = {
    paginate: {
      // As GitHub has it: `since` is of the last change.
      async *iterator(_: unknown, { since }: { since: string }) {
        yield { data: comments.filter(({ updated_at }) => updated_at >= since) };
      },
    },
    rest: {
      issues: {
        listComments: {},
        updateComment: async () => {},
        createComment: async ({ body }: { body: string }) => {
          made.push(body);
          return { data: { id: 2 } };
        },
      },
    },
  };
  const parts = {
    ...{ db: store.db, disk: { full: () => undefined }, line: { priorityOf: () => 0 }, nowMs: () => askedAtMs + 7_200_000 },
    ...{ grants: { keep: async () => api }, app: { identity: async () => ({ botId: 4 }) } },
    ...{ redact: (text: string) => text, pageUrl: (key: string) => `https://airlock.example/runs/${key}` },
  } as unknown as TellerParts;
  expect(await createTeller(parts).comment(run)).toBe(1);
  expect(made).toEqual([]);
});
