import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../../src/run/decide.ts";
import type { Seen } from "../../../src/run/seen.ts";
import type { Run } from "../../../src/run/state.ts";
import { type Upkept, upkeepDueAtMs } from "../../../src/run/upkeep.ts";
import { pins, stand } from "./facts.ts";

const minuteMs = 60_000;
const hours = 10;
const run: Run = {
  ...{ at: "working", pins, stand, slot: { uid: 300_000 } },
  ...{ startedAtMs: 0, deadlineAtMs: (hours + 1) * 60 * minuteMs },
};

/** A silent agent: nothing is seen of it, and nothing is to be told. */
function seenOf(upkept: Upkept | undefined, door: Seen["door"]): Seen {
  const silent = { keyRefused: false, outputFull: false, reportDue: false, slotFree: false, watched: true };
  return { ...silent, sandbox: { state: "running" }, ...(upkept && { upkept }), ...(door && { door }) };
}

describe("the upkeep of a run whose agent is silent", () => {
  it("comes twice a minute, by its own waking", () => {
    let upkept: Upkept | undefined;
    let nowMs = 0;
    let times = 0;
    while (nowMs < hours * 60 * minuteMs) {
      const step = decide(run, seenOf(upkept, "open"), nowMs);
      if (step.do === "upkeep") {
        upkept = { atMs: nowMs, failed: false };
        times++;
        continue;
      }
      if (step.do !== "wait" || step.untilMs === undefined) throw new Error(`it is ${step.do}`);
      expect(step.untilMs - nowMs).toBeLessThanOrEqual(minuteMs / 2);
      nowMs = step.untilMs;
    }
    expect(times).toBe(hours * 120);
  });

  it("comes six times a minute where a firewall stands, and ends the run whose firewall is lost", () => {
    const walled: Run = { ...run, slot: { uid: 300_000, mode: "firewalled" } };
    expect(decide(walled, seenOf({ atMs: 30_000, failed: false }, "open"), 30_000)).toEqual({ do: "wait", untilMs: 40_000 });
    expect(decide(walled, seenOf({ atMs: 30_000, failed: false, unwalled: true }, "open"), 30_000)).toMatchObject({
      ...{ do: "ask-stop", ending: { outcome: "failed", reason: { code: "sandbox.firewall-lost" } } },
    });
  });

  it("comes at once for a door that is gone, and does not spin where it stays gone", () => {
    expect(decide(run, seenOf({ atMs: 1_000, failed: false }, "gone"), 20_000).do).toBe("upkeep");
    expect(decide(run, seenOf({ atMs: 30_000, failed: false }, "gone"), 30_000)).toEqual({ do: "wait", untilMs: 31_000 });
    expect(decide(run, seenOf({ atMs: 30_000, failed: true }, "gone"), 30_000)).toEqual({ do: "wait", untilMs: 35_000 });
    expect(decide(run, seenOf({ atMs: 30_000, failed: false }, undefined), 30_000)).toEqual({ do: "wait", untilMs: 60_000 });
  });

  it("never replaces a token too late, whatever of twenty minutes' tries fails, and however the clock jumps", () => {
    const tries = fc.array(fc.record({ fails: fc.boolean(), jumpMs: fc.integer({ min: -90, max: 90 }) }), { maxLength: 600 });
    fc.assert(
      fc.property(tries, (all) => {
        let upkept: Upkept | undefined;
        let skewMs = 0;
        let nowMs = 0;
        // A token as the grants keep it: replaced where it has under twenty minutes left.
        let expiresAtMs = 60 * minuteMs;
        let failures = 0;
        for (const { fails, jumpMs } of all) {
          skewMs += jumpMs * 10_000;
          const dueMs = upkeepDueAtMs({ ...(upkept && { upkept }), door: "open" }, nowMs + skewMs) - skewMs;
          nowMs = Math.max(nowMs, dueMs);
          const works = !fails || failures >= 15;
          failures = works ? 0 : failures + 1;
          if (works && expiresAtMs - nowMs < 20 * minuteMs) expiresAtMs = nowMs + 60 * minuteMs;
          upkept = { atMs: nowMs + skewMs, failed: false };
          expect(nowMs).toBeLessThan(expiresAtMs);
        }
      }),
    );
  });
});
