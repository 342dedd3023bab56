import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { costOf, createThrottle, decideTurn, type Window, windowsOf } from "../../../src/github/throttle.ts";

const minute = 60_000;
const content = (most: number, withinMs = minute): Window => ({ of: "content", most, withinMs });
const creation = { points: 5, content: true };

describe("what a call counts as", () => {
  it.each([
    ["GET", "/repos/acme/shop/issues", 1, false],
    ["POST", "/repos/acme/shop/issues/1/comments", 5, true],
    ["PATCH", "/repos/acme/shop/check-runs/1", 5, false],
    ["DELETE", "/installation/token", 5, false],
    ["POST", "/app/installations/1/access_tokens", 5, false],
  ] as const)("%s %s", (method, path, points, isContent) => {
    expect(costOf(method, path)).toEqual({ points, content: isContent });
  });
});

it("github.com and its data residency have limits, an Enterprise Server none of its own", () => {
  for (const host of ["github.com", "acme.ghe.com"]) expect(windowsOf(host).map(({ most }) => most)).toEqual([72, 450, 810]);
  for (const host of ["github.acme.com", "127.0.0.1:8080", "github.com.acme.com"]) expect(windowsOf(host)).toEqual([]);
});

describe("a call's turn", () => {
  const past = [0, 10, 20].map((atMs) => ({ ...creation, atMs }));
  it("is at once while there is room, and when the oldest that is too many has left the window", () => {
    expect(decideTurn(past, creation, { nowMs: 30, windows: [content(4)] })).toBe(0);
    expect(decideTurn(past, creation, { nowMs: 30, windows: [content(3)] })).toBe(minute - 30);
    expect(decideTurn(past, creation, { nowMs: 30, windows: [content(2)] })).toBe(minute - 20);
    expect(decideTurn(past, creation, { nowMs: minute, windows: [content(3)] })).toBe(0);
  });

  it("is not hindered by a window that it takes nothing of, and waits for the longest of those that it does", () => {
    const windows = [content(1), content(3, 3_600_000), { of: "points" as const, most: 17, withinMs: minute }];
    expect(decideTurn(past, { points: 1, content: false }, { nowMs: 30, windows })).toBe(0);
    expect(decideTurn(past, { points: 3, content: false }, { nowMs: 30, windows })).toBe(minute - 30);
    expect(decideTurn(past, creation, { nowMs: 30, windows })).toBe(3_600_000 - 30);
  });
});

describe("the calls of several runs at once", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ["Date"] });
  });
  afterEach(() => vi.useRealTimers());

  it("stay below GitHub's limits in every minute and every hour, however many ask", () => {
    const throttle = createThrottle();
    const made: { atMs: number; points: number; content: boolean }[] = [];
    // Five runs that write as fast as they may, each with a read before; a second passes after each round.
    for (let second = 0; second < 3_900; second++) {
      for (let run = 0; run < 5; run++)
        for (const method of ["GET", "POST", "PATCH"]) {
          const path = "/repos/acme/shop/issues/1/comments";
          if (throttle.admit(method, path) === 0) made.push({ ...costOf(method, path), atMs: Date.now() });
        }
      vi.setSystemTime(Date.now() + 1_000);
    }
    const most = (withinMs: number, weigh: (call: (typeof made)[number]) => number) => {
      let [best, sum, from] = [0, 0, 0];
      for (const [at, call] of made.entries()) {
        sum += weigh(call);
        for (; (made[from]?.atMs ?? 0) <= call.atMs - withinMs && from < at; from++) sum -= weigh(made[from] ?? call);
        best = Math.max(best, sum);
      }
      return best;
    };
    const isContent = (call: { content: boolean }) => (call.content ? 1 : 0);
    expect(most(minute, isContent)).toBe(72);
    expect(most(60 * minute, isContent)).toBe(450);
    expect(most(minute, ({ points }) => points)).toBeGreaterThan(790);
    expect(most(minute, ({ points }) => points)).toBeLessThanOrEqual(810);
  });

  it("all wait where GitHub asked for less, reads too", () => {
    const throttle = createThrottle();
    throttle.pause(30_000);
    expect(throttle.admit("GET", "/repos/acme/shop")).toBe(30_000);
    vi.setSystemTime(Date.now() + 30_000);
    expect(throttle.admit("GET", "/repos/acme/shop")).toBe(0);
  });

  it("tell of progress twenty times at once, then forty times a minute, all together", () => {
    const throttle = createThrottle();
    const told = (most: number) => {
      let count = 0;
      for (; count < most && throttle.mayTell(); count++) throttle.tell();
      return count;
    };
    expect(told(100)).toBe(20);
    let later = 0;
    for (let second = 0; second < 60; second++) {
      vi.setSystemTime(Date.now() + 1_000);
      later += told(100);
    }
    expect(Math.round(later / 10)).toBe(4);
    vi.setSystemTime(Date.now() - 500_000);
    expect(throttle.mayTell()).toBe(false);
    vi.setSystemTime(Date.now() + 600_000);
    expect(told(100)).toBe(20);
  });
});

it("a call that waits for its minute passes then, by itself", async () => {
  const throttle = createThrottle({ windows: [content(2, 400)] });
  const passes = Array.from({ length: 6 }, () => throttle.pass("POST", "/repos/acme/shop/issues").then(() => performance.now()));
  const times = (await Promise.all(passes)).sort((a, b) => a - b);
  // However late a busy machine wakes one: never three in a span.
  for (const [nth, atMs] of times.slice(2).entries()) expect(atMs - (times[nth] ?? 0)).toBeGreaterThan(390);
});

it("a call that would have to wait for long is put off, for whoever holds a run meanwhile", async () => {
  const throttle = createThrottle({ windows: [content(1, 3_600_000)] });
  await throttle.pass("POST", "/repos/acme/shop/issues");
  await expect(throttle.pass("POST", "/repos/acme/shop/issues")).rejects.toMatchObject({ code: "github.paced" });
  await throttle.pass("GET", "/repos/acme/shop");
});
