import { afterAll, beforeAll, expect, it } from "vitest";
import type { Grants } from "../../../src/github/grant.ts";
import type { RunRequest } from "../../../src/run/request.ts";
import type { Store } from "../../../src/store/open.ts";
import { addEdit } from "../../../src/store/queries/edits.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { findLateEdit, findUnseenEdit } from "../../../src/trigger/edited.ts";
import { openTestStore, requestOf, runId } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

let asked = 0;
const permissions: Record<string, string> = { stranger: "read", colleague: "write" };
const api = {
  rest: {
    repos: {
      getCollaboratorPermissionLevel: async ({ username }: { username: string }) => {
        asked++;
        return { data: { permission: permissions[username], user: { id: username === "stranger" ? 99 : 98 } } };
      },
    },
  },
} as never;
const grants = { keep: async () => api } as unknown as Grants;
const rowOf = (name: string, number: number, change: Partial<RunRequest> = {}) =>
  ({ id: runId(name), request: requestOf(number, change) }) as RunRow;
const edit = (number: number, login: "stranger" | "colleague", atMs = 999_000) =>
  addEdit(store.db, {
    ...{ repositoryId: 500, number, atMs, person: true },
    actor: { id: login === "stranger" ? 99 : 98, login },
  });

it("[28] an edit that GitHub tells of after the label, and that came before it, keeps the agent from starting, once", async () => {
  const parts = { db: store.db, grants };
  const run = rowOf("early", 4);
  expect(await findLateEdit(parts, run)).toBeUndefined();
  expect(asked).toBe(0);
  await edit(4, "stranger");
  const refused = { is: "stop-asked", ending: { outcome: "refused", reason: { code: "pin.edited" } } };
  expect(await findLateEdit(parts, run)).toMatchObject(refused);
  // The step may be performed again.
  expect(await findLateEdit(parts, run)).toMatchObject(refused);
  // Asked for again, the same text runs; another one does not.
  const again = { request: requestOf(4, { askedAtMs: 1_060_000 }), causeKey: "label:2" };
  expect(await findUnseenEdit(parts, api, again)).toBeUndefined();
  expect(await findLateEdit(parts, rowOf("again", 4, { askedAtMs: 1_060_000 }))).toBeUndefined();
  expect(await findLateEdit(parts, rowOf("other", 4, { body: "other" }))).toMatchObject(refused);
});

it.each<[string, Partial<RunRequest>, () => Promise<void>]>([
  ["by somebody with write access", {}, () => edit(5, "colleague")],
  ["long before", {}, () => edit(5, "stranger", 1)],
  ["after the label", {}, () => edit(5, "stranger", 1_001_000)],
  ["of what is run again as it was signed", { cause: { kind: "rerun", checkRunId: 1 } }, () => edit(5, "stranger")],
])("an edit %s does not", async (_, change, befall) => {
  await store.db.deleteFrom("edits").execute();
  await befall();
  expect(await findLateEdit({ db: store.db, grants }, rowOf("fine", 5, change))).toBeUndefined();
});
