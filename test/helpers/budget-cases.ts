import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { type Cap, periodAt, pursesOf } from "../../src/run/cap.ts";
import type { RunId } from "../../src/run/identity.ts";
import type { Store } from "../../src/store/open.ts";
import {
  findRefusal,
  forgetSettled,
  listPurses,
  presumeSpent,
  pursesNow,
  reserveMoney,
  settleMoney,
} from "../../src/store/queries/budgets.ts";
import { appendFact } from "../../src/store/queries/facts.ts";
import { findRun, type RunRow } from "../../src/store/queries/runs.ts";
import { controlFell } from "./control.ts";
import { addHeldRun, runId } from "./store.ts";

const day = (text: string) => Date.parse(`${text}T12:00:00Z`);
const all = (microUsd: number): Cap[] =>
  (["deployment", "repository", "actor"] as const).flatMap((scope) => [
    { scope, per: "day", microUsd },
    { scope, per: "month", microUsd: microUsd * 2 },
  ]);

/** What holds of money over all runs, whatever engine is under the store. */
export function describeBudgets(store: () => Store): void {
  let number = 700;
  const addRun = (name: string, repositoryId: number, actorId: number): Promise<RunRow> =>
    addHeldRun(store(), {
      ...{ name: `money${name}`, number: number++ },
      request: { repositoryId, name: `shop-${repositoryId}`, requester: { id: actorId, login: `person-${actorId}` } },
    });
  const end = async (run: RunRow, nowMs: number) => {
    const { fence } = (await findRun(store().db, run.id)) ?? run;
    const state = { at: "ended", ending: { outcome: "no_changes" } } as const;
    await appendFact(store().db, store().queue, { run: run.id, fence, fact: { is: "closed" }, state, nowMs });
  };
  const reserve = async (of: { run: RunId; sizes: number[]; caps: Cap[]; nowMs: number; id?: string; late?: boolean }) => {
    const id = of.id ?? randomUUID();
    return { id, verdict: await reserveMoney(store().db, { id, late: true, ...of }) };
  };
  const settle = (id: string, run: RunId, microUsd: number, nowMs = 0) => settleMoney(store().db, { id, run, microUsd, nowMs });
  /** [spent, reserved] of the run's purse for the month, or another. */
  const purse = async (run: RunId, nowMs: number, scope = "repository", per = "month") => {
    const found = (await pursesNow(store().db, run, nowMs)).find((each) => each.scope === scope && each.per === per);
    return [found?.spentMicroUsd, found?.reservedMicroUsd];
  };

  describe("money over all runs", () => {
    it("is never overspent by a micro-dollar by fifty at once, in all or of any owner, and what is let through is settled once; checking and then writing overspends it", async () => {
      const runs: RunRow[] = [];
      for (const [n, letter] of [..."abcdef"].entries()) runs.push(await addRun(letter, 810 + (n % 3), 910 + (n % 2)));
      let months = 0;
      const asked = fc.record({
        run: fc.integer({ min: 0, max: runs.length - 1 }),
        size: fc.integer({ min: 1, max: 400_000 }),
        // How much of the most it did cost; twice settled, or by two at once.
        cost: fc.double({ min: 0, max: 1, noNaN: true }),
        twice: fc.boolean(),
      });
      const most = fc.record({
        deployment: fc.integer({ min: 1, max: 3_000_000 }),
        repository: fc.integer({ min: 1, max: 1_500_000 }),
        actor: fc.integer({ min: 1, max: 2_000_000 }),
      });
      let overspent = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(asked, { minLength: 50, maxLength: 50 }), most, async (calls, limits) => {
          const nowMs = Date.UTC(2030, months++, 28, 23, 59, 59, 999);
          const caps: Cap[] = Object.entries(limits).map(([scope, microUsd], n) => ({
            scope: scope as Cap["scope"],
            per: n % 2 === 0 ? "day" : "month",
            microUsd,
          }));
          const made = await Promise.all(
            calls.map(async (call) => {
              const run = runs[call.run] as RunRow;
              return { ...call, run, ...(await reserve({ run: run.id, sizes: [call.size], caps, nowMs })) };
            }),
          );
          const granted = made.filter(({ verdict }) => verdict.is === "granted");
          const sumOf = async (amount: (call: (typeof made)[number]) => number, column: "spent" | "reserved") => {
            for (const run of runs)
              for (const { scope, owner, period } of pursesOf(
                { repositoryId: run.request.repositoryId, actorId: run.request.requester.id },
                nowMs,
              )) {
                const own = granted.filter(
                  (call) =>
                    scope === "deployment" ||
                    owner === (scope === "repository" ? call.run.request.repositoryId : call.run.request.requester.id),
                );
                const row = await store()
                  .db.selectFrom("purses")
                  .selectAll()
                  .where("scope", "=", scope)
                  .where("owner_id", "=", owner)
                  .where("period", "=", period)
                  .executeTakeFirst();
                const counted = own.reduce((sum, call) => sum + amount(call), 0);
                // Where all of its calls were refused there may be no purse of a run.
                expect(Number(row?.[column] ?? 0)).toBe(counted);
                expect(Number(row?.[column === "spent" ? "reserved" : "spent"] ?? 0)).toBe(0);
                for (const cap of caps) if (cap.scope === scope) expect(counted).toBeLessThanOrEqual(cap.microUsd);
              }
          };
          await sumOf(({ size }) => size, "reserved");
          const costOf = ({ size, cost }: { size: number; cost: number }) => Math.floor(size * cost);
          await Promise.all(
            granted.flatMap((call) => {
              const once = () => settle(call.id, call.run.id, costOf(call), nowMs);
              return call.twice ? [once(), once()] : [once()];
            }),
          );
          for (const call of granted.slice(0, 5)) await settle(call.id, call.run.id, 999_999_999, nowMs);
          await sumOf(costOf, "spent");

          // The control: the same calls by a look and then a write.
          const tally = { scope: "deployment" as const, owner_id: -1, period: periodAt("day", nowMs).period };
          await store().db.insertInto("purses").values(tally).execute();
          const own = () =>
            store().db.selectFrom("purses").select("spent").where("owner_id", "=", -1).where("period", "=", tally.period);
          await Promise.all(
            calls.map(async ({ size }) => {
              if (Number((await own().executeTakeFirstOrThrow()).spent) + size > limits.deployment) return;
              await store()
                .db.updateTable("purses")
                .set({ spent: sql<number>`spent + ${size}` })
                .where("owner_id", "=", -1)
                .where("period", "=", tally.period)
                .execute();
            }),
          );
          if (Number((await own().executeTakeFirstOrThrow()).spent) > limits.deployment) overspent++;
        }),
        { numRuns: 8 },
      );
      controlFell(overspent > 0, "fifty that look and then write spend more than there is");
      for (const run of runs) await end(run, 3);
    }, 120_000);

    it("is booked to the period in which it was reserved, however late it is settled, at the last millisecond and at the first", async () => {
      const run = await addRun("periods", 820, 920);
      const last = Date.UTC(2031, 11, 31, 23, 59, 59, 999);
      const caps = all(100);
      const before = await reserve({ run: run.id, sizes: [80], caps, nowMs: last });
      const after = await reserve({ run: run.id, sizes: [90], caps, nowMs: last + 1 });
      expect([before.verdict, after.verdict]).toEqual([
        { is: "granted", size: 0 },
        { is: "granted", size: 0 },
      ]);
      await settle(before.id, run.id, 70, last + 40 * 24 * 3_600_000);
      expect([await purse(run.id, last, "actor", "day"), await purse(run.id, last, "actor", "month")]).toEqual([
        [70, 0],
        [70, 0],
      ]);
      expect(await purse(run.id, last + 1, "actor", "day")).toEqual([0, 90]);
      await settle(after.id, run.id, 1);
      await end(run, 3);
    });

    it("waits for calls under way where it would fit after them, is asked for less where that is late, and names the cap that lasts longest where it is spent", async () => {
      const run = await addRun("waits", 830, 930);
      const other = await addRun("other", 831, 931);
      const nowMs = day("2032-02-28");
      const caps: Cap[] = [
        { scope: "repository", per: "day", microUsd: 100 },
        { scope: "repository", per: "month", microUsd: 120 },
      ];
      const ask = (sizes: number[], late: boolean, id: RunId = run.id) => reserve({ run: id, sizes, caps, late, nowMs });
      const first = await ask([60], false);
      expect((await ask([60, 30], false)).verdict).toEqual({ is: "busy" });
      const second = await ask([60, 30], true);
      expect(second.verdict).toEqual({ is: "granted", size: 1 });
      expect((await ask([101, 100, 20], true)).verdict).toEqual({ is: "busy" });
      // Another repository's money is its own.
      const apart = await ask([100], false, other.id);
      expect(apart.verdict).toEqual({ is: "granted", size: 0 });
      await settle(first.id, run.id, 60);
      await settle(second.id, run.id, 30);
      await settle(apart.id, other.id, 0);
      expect((await ask([11], false)).verdict).toEqual({
        is: "over",
        cap: { scope: "repository", per: "day", untilMs: Date.UTC(2032, 1, 29) },
      });
      expect((await ask([31], false)).verdict).toMatchObject({
        is: "over",
        cap: { per: "month", untilMs: Date.UTC(2032, 2, 1) },
      });
      // Until then nobody had been refused for good.
      expect(await findRefusal(store().db, run.id)).toMatchObject({ scope: "repository" });
      expect(await findRefusal(store().db, other.id)).toBeUndefined();
      // What an earlier sandbox of it met ends no later one.
      expect(await findRefusal(store().db, run.id, nowMs)).toMatchObject({ scope: "repository" });
      expect(await findRefusal(store().db, run.id, nowMs + 1)).toBeUndefined();
      expect(await purse(run.id, nowMs)).toEqual([90, 0]);
      await end(run, 3);
      await end(other, 3);
    });

    it("that was never reserved is not settled, and cannot be reserved afterwards", async () => {
      const run = await addRun("never", 840, 940);
      const nowMs = day("2033-01-01");
      const id = randomUUID();
      await Promise.all([settle(id, run.id, 50, nowMs), settle(id, run.id, 50, nowMs)]);
      await expect(reserve({ id, run: run.id, sizes: [10], caps: [], nowMs })).rejects.toThrow();
      expect(await purse(run.id, nowMs)).toEqual([0, 0]);
      // The same by an id that is new, which cannot be had a second time.
      const known = await reserve({ run: run.id, sizes: [10], caps: [], nowMs });
      await expect(reserve({ id: known.id, run: run.id, sizes: [10], caps: [], nowMs })).rejects.toThrow();
      expect(await purse(run.id, nowMs)).toEqual([0, 10]);
      await settle(known.id, run.id, 10);
      await end(run, 3);
    });

    it("that nobody settles is spent in full once its run has ended, and a late word still puts it right, once", async () => {
      const run = await addRun("lost", 850, 950);
      const nowMs = day("2034-01-01");
      const lost = await reserve({ run: run.id, sizes: [40], caps: all(100), nowMs });
      const presume = () => presumeSpent(store().db, { endedMs: 1_001, madeMs: nowMs });
      // Still at work: it may be settled yet, and is not spent by anybody else meanwhile.
      expect([await presume(), await purse(run.id, nowMs)]).toEqual([0, [0, 40]]);
      await end(run, 1_001);
      expect(await presume()).toBe(0);
      await store().db.updateTable("runs").set({ updated_at_ms: 1_000 }).where("id", "=", run.id).execute();
      expect([await presume(), await presume()]).toEqual([1, 0]);
      expect(await purse(run.id, nowMs)).toEqual([40, 0]);
      await settle(lost.id, run.id, 15);
      await settle(lost.id, run.id, 40);
      expect(await purse(run.id, nowMs)).toEqual([15, 0]);
      expect(await presume()).toBe(0);
    });

    it("of what is no run is the deployment's, and counts as spent when no call can last so long", async () => {
      const trial = runId("trialofmoney");
      const nowMs = day("2035-01-01");
      await reserve({ run: trial, sizes: [40], caps: all(100), nowMs });
      expect((await pursesNow(store().db, trial, nowMs)).map(({ scope, reservedMicroUsd }) => [scope, reservedMicroUsd])).toEqual(
        [
          ["deployment", 40],
          ["deployment", 40],
        ],
      );
      expect((await reserve({ run: trial, sizes: [61], caps: all(100), nowMs })).verdict).toEqual({ is: "busy" });
      expect(await presumeSpent(store().db, { endedMs: 0, madeMs: nowMs })).toBe(0);
      expect(await presumeSpent(store().db, { endedMs: 0, madeMs: nowMs + 1 })).toBe(1);
      expect(await purse(trial, nowMs, "deployment", "day")).toEqual([40, 0]);
    });

    it("is listed by the names of those whose it is, and what is settled and old is forgotten without a change of what is spent", async () => {
      const run = await addRun("listed", 860, 960);
      const nowMs = day("2036-01-01");
      const { id } = await reserve({ run: run.id, sizes: [40], caps: [], nowMs });
      const open = await reserve({ run: run.id, sizes: [2], caps: [], nowMs });
      await settle(id, run.id, 30);
      const listed = (await listPurses(store().db, ["2036-01-01"])).map(({ name, spentMicroUsd }) => [name, spentMicroUsd]);
      expect(listed).toEqual([
        ["person-960", 30],
        [undefined, 30],
        ["acme/shop-860", 30],
      ]);
      await forgetSettled(store().db, { reservationsMs: nowMs + 1, pursesMs: nowMs });
      // A second word after that still changes nothing, and what is open stays.
      await settle(id, run.id, 40);
      expect(await purse(run.id, nowMs)).toEqual([30, 2]);
      await settle(open.id, run.id, 2);
      await end(run, 3);
      await forgetSettled(store().db, { reservationsMs: 0, pursesMs: Date.UTC(2036, 1) });
      expect(await purse(run.id, nowMs)).toEqual([0, 0]);
    });
  });
}
