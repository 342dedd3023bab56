import { afterAll, beforeAll, expect, it } from "vitest";
import { awaitOthers, handleDelivery } from "../../../src/delivery/handle.ts";
import { addDelivery, markDeliveryHandled } from "../../../src/store/queries/deliveries.ts";
import { openTestStore } from "../../helpers/store.ts";

let store: Awaited<ReturnType<typeof openTestStore>>;
beforeAll(async () => {
  store = await openTestStore();
}, 60_000);
afterAll(() => store[Symbol.asyncDispose]());

it("[42] what follows a missed delivery waits for it, also where another process has it in hand", async () => {
  await addDelivery(store.db, store.queue, { id: "label", event: "issues", payload: {}, receivedAtMs: 1, fromLog: true });
  const begun = Promise.withResolvers<void>();
  const done: string[] = [];
  const finish = Promise.withResolvers<void>();
  const as = (holder: string, receive: () => Promise<void>) => ({
    ...{ db: store.db, holder, nowMs: () => 1_000 },
    probot: { receive } as never,
  });
  // Woken by the queue, it came to the other machine first, which asks GitHub for this and that.
  const other = handleDelivery(
    as("other", async () => {
      begun.resolve();
      await finish.promise;
      await markDeliveryHandled(store.db, "label", "run x");
      done.push("label");
    }),
    "label",
  );
  await begun.promise;
  const mine = as("mine", async () => void done.push("twice"));
  await handleDelivery(mine, "label");
  // Here it would go on with the stop, which finds no run.
  expect(done).toEqual([]);
  let looks = 0;
  const nowMs = () => {
    looks += 1;
    return 1_000;
  };
  const next = awaitOthers({ ...mine, nowMs }, "label").then(() => done.push("stop"));
  // It has looked, and looks again, since the other one is not done.
  await expect.poll(() => looks).toBeGreaterThan(2);
  expect(done).toEqual([]);
  finish.resolve();
  await Promise.all([other, next]);
  expect(done).toEqual(["label", "stop"]);
});
