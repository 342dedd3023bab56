import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunId } from "../../../src/run/identity.ts";
import { postponeRun } from "../../../src/store/queries/facts.ts";
import { claimRun, renewLeases } from "../../../src/store/queries/lease.ts";
import { findRun } from "../../../src/store/queries/runs.ts";
import { slotIsFree } from "../../../src/store/queries/slots.ts";
import { controlFell } from "../../helpers/control.ts";
import { addHeldRun, claimantOf, lineOf, openTestStore, runId } from "../../helpers/store.ts";
import { until } from "../../helpers/until.ts";

const hourMs = 3_600_000;
let store: Awaited<ReturnType<typeof openTestStore>>;
beforeAll(async () => {
  store = await openTestStore();
}, 60_000);
afterAll(() => store?.[Symbol.asyncDispose]());
afterEach(() => vi.restoreAllMocks());

/** The embedded PostgreSQL asks this process for the time. */
function takeClock(): { set(skewMs: number): void } {
  const now = Date.now.bind(Date);
  let skewMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + skewMs);
  return {
    set(ms) {
      skewMs = ms;
    },
  };
}

describe("a clock that is set back by an hour", () => {
  it("[81] keeps no wake-up that was filed before, nor those after it", async () => {
    await using own = await openTestStore();
    const clock = takeClock();
    clock.set(hourMs);
    await own.queue.wakeRun(runId("waiting"));
    await own.queue.wakeDelivery("waiting");
    clock.set(0);
    const heard: string[] = [];
    await own.queue.work({
      run: async (id: RunId) => void heard.push(`run ${id}`),
      delivery: async (id) => void heard.push(`delivery ${id}`),
      atOnce: 2,
    });
    await until("both to be handed on", () => heard.length === 2, 20_000);
    await own.queue.wakeRun(runId("waiting"));
    await until("the next one", () => heard.length === 3, 20_000);
  });

  it("[81] lets a run go on that was begun again a moment later", async () => {
    const run = await addHeldRun(store, { name: "paused", number: 1, nowMs: hourMs * 2 });
    const put = (why: "lost" | "operator" | "provider", untilMs: number) =>
      store.db
        .updateTable("runs")
        .set({ at: "waiting", uid: null, state: JSON.stringify({ at: "waiting", pause: { why, untilMs } }) as never })
        .where("id", "=", run.id)
        .execute();
    const free = (nowMs: number) => slotIsFree(store.db, { ...lineOf(3, nowMs), run: run.id });
    for (const why of ["lost", "operator"] as const) {
      await put(why, hourMs * 2 + 2_000);
      expect(await free(hourMs * 2 + 1_000), why).toBe(false);
      expect(await free(hourMs * 2 + 2_000), why).toBe(true);
      expect(await free(hourMs), why).toBe(true);
    }
    // A limit of the provider's lasts for hours, and is not ours to judge.
    await put("provider", hourMs * 2 + 2_000);
    expect(await free(hourMs)).toBe(false);
    await store.db.deleteFrom("runs").where("id", "=", run.id).execute();
  });
});

describe("leases, whatever the clocks of their holders do", () => {
  it("[81] never give two holders the same fence, and let no stale one write", { timeout: 60_000 }, async () => {
    const act = fc.record({
      who: fc.constantFrom("one", "two", "three"),
      does: fc.constantFrom("claim", "claim", "renew", "write"),
      /** How wrong the clock of the one that acts is now. */
      skewMs: fc.integer({ min: -hourMs, max: hourMs }),
      passMs: fc.nat(40_000),
    });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        // Also while a failure is made smaller, which takes many.
        const digits = [count % 26, (count / 26) % 26, count / 676].map((digit) => "abcdefghijklmnopqrstuvwxyz".charAt(digit));
        const run = await addHeldRun(store, { name: `lease${digits.join("")}`, number: 1_000 + count++ });
        let trueMs = 1_000_000;
        const fences = new Map<string, number>();
        const holderOf = new Map<number, string>();
        let newest = run.fence;
        for (const [nth, { who, does, skewMs, passMs }] of acts.entries()) {
          trueMs += passMs;
          const nowMs = trueMs + skewMs;
          if (does === "renew") await renewLeases(store.db, who, nowMs + 30_000);
          else if (does === "claim") {
            const claimed = await claimRun(store.db, { ...claimantOf(who), run: run.id, nowMs, leaseMs: 30_000 });
            if (!claimed) continue;
            const { fence } = claimed;
            expect(holderOf.get(fence) ?? who).toBe(who);
            holderOf.set(fence, who);
            fences.set(who, fence);
            expect(fence).toBeGreaterThanOrEqual(newest);
            newest = fence;
          } else {
            const fence = fences.get(who);
            if (fence === undefined) continue;
            // No two writes alike: what a stale one has written is not taken for what was there.
            const tries = nth + 1;
            await postponeRun(store.db, { run: run.id, fence, tries, notBeforeMs: 0, nowMs });
            const written = (await findRun(store.db, run.id))?.tries === tries;
            expect(written).toBe(fence === newest);
          }
        }
        await store.db.deleteFrom("runs").where("id", "=", run.id).execute();
      }),
      { numRuns: 30 },
    );

    // One that was overtaken by a clock that is ahead, and does not know it.
    const run = await addHeldRun(store, { name: "overtaken", number: 999 });
    await claimRun(store.db, { ...claimantOf("ahead"), run: run.id, nowMs: 1_000_000 + hourMs, leaseMs: 30_000 });
    const write = { run: run.id, notBeforeMs: 0, nowMs: 1_000_000, tries: 7 };
    await postponeRun(store.db, { ...write, fence: run.fence });
    expect((await findRun(store.db, run.id))?.tries).toBe(0);
    await store.db.updateTable("runs").set({ tries: 7 }).where("id", "=", run.id).execute();
    controlFell((await findRun(store.db, run.id))?.tries === 7, "the same write without a fence");
    await store.db.deleteFrom("runs").where("id", "=", run.id).execute();
  });
});
