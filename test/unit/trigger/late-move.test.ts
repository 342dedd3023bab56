import { afterAll, beforeAll, expect, it } from "vitest";
import { evolve } from "../../../src/run/evolve.ts";
import type { Store } from "../../../src/store/open.ts";
import { addHead } from "../../../src/store/queries/places.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { findLateMove } from "../../../src/trigger/pin.ts";
import { openTestStore, requestOf, sha } from "../../helpers/store.ts";

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store[Symbol.asyncDispose]());

const rowOf = (number: number, kind: "pull" | "issue") =>
  ({ request: requestOf(number, { subject: { kind, number, id: number }, askedAtMs: 1_000_000 }) }) as RunRow;

it("[28] a push that GitHub tells of after the pin, and that came after the command, keeps the agent from starting", async () => {
  expect(await findLateMove(store, rowOf(4, "pull"))).toBeUndefined();
  await addHead(store.db, { repositoryId: 500, number: 4, sha: sha("a"), atMs: 999_000 });
  expect(await findLateMove(store, rowOf(4, "pull"))).toBeUndefined();
  await addHead(store.db, { repositoryId: 500, number: 4, sha: sha("b"), atMs: 1_001_000 });
  const fact = await findLateMove(store, rowOf(4, "pull"));
  expect(fact).toMatchObject({ is: "stop-asked", ending: { outcome: "refused", reason: { code: "pin.moved" } } });
  const launching = { at: "launching", pins: {}, stand: {}, slot: {} } as never;
  if (fact) expect(evolve(launching, fact)).toMatchObject({ at: "closing", ending: { outcome: "refused" } });
  expect(await findLateMove(store, rowOf(4, "issue"))).toBeUndefined();
});

it("[28] so does one that puts the branch back to a commit that it stood on before", async () => {
  for (const [digit, atMs] of [
    ["a", 998_000],
    ["b", 999_000],
  ] as const)
    await addHead(store.db, { repositoryId: 500, number: 5, sha: sha(digit), atMs });
  expect(await findLateMove(store, rowOf(5, "pull"))).toBeUndefined();
  await addHead(store.db, { repositoryId: 500, number: 5, sha: sha("a"), atMs: 1_001_000 });
  expect(await findLateMove(store, rowOf(5, "pull"))).toMatchObject({ is: "stop-asked" });
  // An older delivery that comes late takes nothing back.
  await addHead(store.db, { repositoryId: 500, number: 5, sha: sha("a"), atMs: 998_000 });
  expect(await findLateMove(store, rowOf(5, "pull"))).toMatchObject({ is: "stop-asked" });
});
