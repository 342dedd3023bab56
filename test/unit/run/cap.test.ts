import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Cap,
  capEnding,
  decideReserve,
  findReached,
  type Purse,
  periodAt,
  printReached,
  pursesOf,
} from "../../../src/run/cap.ts";

const at = (text: string) => Date.parse(text);

describe("a period of a cap", () => {
  it.each([
    ["2026-11-26T15:04:05Z", "2026-11-26", "2026-11-27", "2026-11", "2026-12-01"],
    ["2026-11-30T23:59:59.999Z", "2026-11-30", "2026-12-01", "2026-11", "2026-12-01"],
    ["2026-12-01T00:00:00Z", "2026-12-01", "2026-12-02", "2026-12", "2027-01-01"],
    ["2026-12-31T23:59:59.999Z", "2026-12-31", "2027-01-01", "2026-12", "2027-01-01"],
    ["2027-02-28T23:59:59.999Z", "2027-02-28", "2027-03-01", "2027-02", "2027-03-01"],
    ["2028-02-28T23:59:59.999Z", "2028-02-28", "2028-02-29", "2028-02", "2028-03-01"],
    ["2028-02-29T00:00:00Z", "2028-02-29", "2028-03-01", "2028-02", "2028-03-01"],
    ["2027-01-31T12:00:00Z", "2027-01-31", "2027-02-01", "2027-01", "2027-02-01"],
    // Where clocks are set forward or back, and where it is tomorrow or yesterday already: only UTC counts.
    ["2026-03-29T01:30:00+02:00", "2026-03-28", "2026-03-29", "2026-03", "2026-04-01"],
    ["2026-12-31T20:00:00-05:00", "2027-01-01", "2027-01-02", "2027-01", "2027-02-01"],
  ])("of %s is the UTC day %s until %s, and the month %s until %s", (moment, day, dayEnds, month, monthEnds) => {
    expect(periodAt("day", at(moment))).toEqual({ period: day, untilMs: at(`${dayEnds}T00:00:00Z`) });
    expect(periodAt("month", at(moment))).toEqual({ period: month, untilMs: at(`${monthEnds}T00:00:00Z`) });
  });

  it("holds every moment before its end and no other, whatever the moment", () => {
    const moments = fc.integer({ min: at("1990-01-01T00:00:00Z"), max: at("2090-01-01T00:00:00Z") });
    fc.assert(
      fc.property(moments, fc.constantFrom("day" as const, "month" as const), (ms, per) => {
        const { period, untilMs } = periodAt(per, ms);
        expect(untilMs).toBeGreaterThan(ms);
        expect(periodAt(per, untilMs - 1).period).toBe(period);
        expect(periodAt(per, untilMs).period > period).toBe(true);
      }),
    );
  });
});

describe("a call under caps", () => {
  const nowMs = at("2026-11-26T12:00:00Z");
  const purse = (scope: Purse["scope"], per: Purse["per"], spentMicroUsd: number, reservedMicroUsd = 0): Purse => ({
    ...{ scope, per, owner: 7, period: periodAt(per, nowMs).period, spentMicroUsd, reservedMicroUsd },
  });
  const cap = (scope: Cap["scope"], per: Cap["per"], microUsd: number): Cap => ({ scope, per, microUsd });
  const ask = (purses: Purse[], caps: Cap[], sizes: number[], late = false) =>
    decideReserve({ purses, caps, sizes, late, nowMs });

  it("is let through up to the last micro-dollar, and not beyond it", () => {
    const purses = [purse("actor", "day", 60, 0)];
    expect(ask(purses, [cap("actor", "day", 100)], [40])).toEqual({ is: "granted", size: 0 });
    expect(ask(purses, [cap("actor", "day", 100)], [41])).toMatchObject({ is: "over", cap: { scope: "actor", per: "day" } });
    expect(ask(purses, [cap("actor", "day", 100)], [41, 40])).toEqual({ is: "granted", size: 1 });
    expect(ask(purses, [], [1e9])).toEqual({ is: "granted", size: 0 });
  });

  it("waits for what is under way, and is content with less only where it is late", () => {
    const purses = [purse("actor", "day", 0, 60)];
    expect(ask(purses, [cap("actor", "day", 100)], [90, 40])).toEqual({ is: "busy" });
    expect(ask(purses, [cap("actor", "day", 100)], [90, 40], true)).toEqual({ is: "granted", size: 1 });
    expect(ask(purses, [cap("actor", "day", 100)], [90, 41], true)).toEqual({ is: "busy" });
  });

  it("is held to each cap, and told of the one that lasts longest", () => {
    const purses = [purse("repository", "day", 100), purse("repository", "month", 100), purse("deployment", "day", 0)];
    const caps = [cap("deployment", "day", 9), cap("repository", "day", 105), cap("repository", "month", 105)];
    expect(ask(purses, caps, [6])).toMatchObject({ is: "over", cap: { scope: "repository", per: "month" } });
    expect(ask(purses, caps, [10])).toMatchObject({ is: "over", cap: { scope: "repository", per: "month" } });
    expect(ask([...purses.slice(2)], caps, [10])).toMatchObject({ is: "over", cap: { scope: "deployment" } });
    // One that should be there and is not lets nothing pass.
    expect(() => ask([purse("repository", "day", 0)], caps, [1])).toThrow(/missing/);
    expect(() => ask(purses, caps, [])).toThrow();
  });

  it("that would begin a run is judged by what is spent, not by what is under way", () => {
    const purses = [purse("repository", "day", 50, 50)];
    const seen = (microUsd: number, beside: boolean) =>
      findReached({ purses, caps: [cap("repository", "day", 100)], microUsd, beside, nowMs });
    expect([seen(50, false), seen(51, false)?.per, seen(1, true)?.per]).toEqual([undefined, "day", "day"]);
  });

  it("is booked to its repository, its requester and the deployment, by day and month", () => {
    expect(
      pursesOf({ repositoryId: 5, actorId: 6 }, nowMs).map(({ scope, owner, period }) => `${scope} ${owner} ${period}`),
    ).toEqual([
      "deployment 0 2026-11-26",
      "deployment 0 2026-11",
      "repository 5 2026-11-26",
      "repository 5 2026-11",
      "actor 6 2026-11-26",
      "actor 6 2026-11",
    ]);
    expect(pursesOf({}, nowMs).map(({ scope }) => scope)).toEqual(["deployment", "deployment"]);
  });

  it("that is refused ends its run with the cap, the end of its period, and the setting", () => {
    const reached = { scope: "repository", per: "day", untilMs: at("2026-11-27T00:00:00Z") } as const;
    expect(capEnding(reached, false)).toEqual({
      outcome: "over_budget",
      reason: {
        code: "budget.repository-day",
        words: "The budget of this repository is used up for this day, which ends at 2026-11-27 00:00 UTC.",
        remedy: "Ask again after that, or raise AIRLOCK_REPOSITORY_BUDGET_USD.",
      },
    });
    expect(capEnding({ ...reached, scope: "actor", per: "month" }, true).reason).toMatchObject({
      code: "budget.actor-month",
      remedy: expect.stringMatching(/AIRLOCK_ACTOR_BUDGET_USD.*patch/),
    });
    // No amount: what others spend is nobody's business who reads the issue.
    expect(printReached(reached)).not.toMatch(/USD|\$/);
  });
});
