import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPostponed, longestOwnPauseMs, resumesAtMs } from "../../../src/run/clock.ts";
import { decide } from "../../../src/run/decide.ts";
import { evolve } from "../../../src/run/evolve.ts";
import type { Seen } from "../../../src/run/seen.ts";
import type { Run } from "../../../src/run/state.ts";
import { type Upkept, upkeepDueAtMs } from "../../../src/run/upkeep.ts";
import { controlFell } from "../../helpers/control.ts";
import { pins, stand } from "./facts.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Whatever happens, every open run is looked at so often. */
const tickMs = 5_000;
const quiet: Seen = {
  ...{ keyRefused: false, outputFull: false, reportDue: false, slotFree: true, watched: true },
  sandbox: { state: "running" },
};
/** What the clock is set by, before each of so many looks. Mostly it is left alone. */
const jumps = fc.array(
  fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -60, max: 60 }) }),
  { minLength: 60, maxLength: 400 },
);

describe("a clock that is set by up to an hour between any two looks", () => {
  it("[81] ends no run before its deadline by more than it was set forward, and lets none go on for ever", () => {
    const spanMs = 90 * minuteMs;
    fc.assert(
      fc.property(jumps, (all) => {
        const run: Run = {
          ...{ at: "working", pins, stand, slot: { uid: 300_000, mode: "firewalled" } },
          ...{ startedAtMs: 0, deadlineAtMs: spanMs },
        };
        let upkept: Upkept | undefined;
        let skewMs = 0;
        let ended: { afterMs: number; setMs: number } | undefined;
        // The jumps come in the first minutes; then the clock goes on as it is.
        for (let afterMs = 0, nth = 0; ended === undefined; afterMs += nth < all.length ? tickMs : minuteMs / 2, nth++) {
          skewMs += (all[nth] ?? 0) * minuteMs;
          const step = decide(run, { ...quiet, door: "open", ...(upkept && { upkept }) }, afterMs + skewMs);
          if (step.do === "upkeep") upkept = { atMs: afterMs + skewMs, failed: false };
          if (step.do === "ask-stop") ended = { afterMs, setMs: skewMs };
          if (afterMs > spanMs - Math.min(0, skewMs) + hourMs) throw new Error("it goes on for ever");
        }
        expect(ended.afterMs).toBeGreaterThanOrEqual(spanMs - ended.setMs - 1);
        expect(evolve(run, { is: "stop-asked", ending: { outcome: "timed_out" } }).at).toBe("stopping");
      }),
      { numRuns: 60 },
    );
  });

  it("[81] keeps no run that was paused by us, nor a failed step, from going on with the next look", () => {
    let fell = false;
    const pause = fc.record({ why: fc.constantFrom("lost" as const, "operator" as const), afterMs: fc.nat(10_000) });
    fc.assert(
      fc.property(pause, fc.integer({ min: -60, max: 60 }), ({ why, afterMs }, minutes) => {
        const atMs = 10 * hourMs;
        const untilMs = atMs + afterMs;
        const waiting: Run = {
          ...{ at: "waiting", pins, stand, slot: {}, earlier: { sandboxes: 1, lost: 1, workedMs: 0, waitedMs: 0 } },
          pause: why === "lost" ? { why, untilMs, oomKilled: false, exitCode: 137 } : { why, untilMs, by: "operator" },
        };
        const skewMs = minutes * minuteMs;
        const looks = (later: (nowMs: number) => boolean) => {
          for (let trueMs = 0; ; trueMs += tickMs) if (!later(atMs + trueMs + skewMs)) return trueMs;
        };
        const most = afterMs + longestOwnPauseMs + tickMs;
        const seen = { ...quiet, sandbox: { state: "absent" } as const };
        expect(looks((nowMs) => decide(waiting, seen, nowMs).do === "wait")).toBeLessThanOrEqual(most);
        expect(looks((nowMs) => isPostponed({ notBeforeMs: untilMs, updatedAtMs: atMs }, nowMs))).toBeLessThanOrEqual(most);
        // Who goes by the time that was written down waits for the clock to come back to it.
        fell ||= looks((nowMs) => nowMs < untilMs) > most;
      }),
    );
    controlFell(fell, "a look that goes by the time that was written down");
  });

  it("[81] takes a provider at its word, and a pause of ours at its own", () => {
    expect(resumesAtMs({ why: "provider", untilMs: 5 * hourMs }, 0)).toBe(5 * hourMs);
    expect(resumesAtMs({ why: "lost", untilMs: 2_000 }, 0)).toBe(2_000);
    expect(resumesAtMs({ why: "lost", untilMs: hourMs }, 0)).toBe(0);
    expect(isPostponed({ notBeforeMs: 2_000, updatedAtMs: 0 }, 1_000)).toBe(true);
    expect(isPostponed({ notBeforeMs: 2_000, updatedAtMs: 1_500 }, 1_000)).toBe(false);
  });

  it("[81] leaves no door and no firewall unlooked-at for longer than before", () => {
    fc.assert(
      fc.property(jumps, fc.constantFrom("sealed" as const, "firewalled" as const), (all, mode) => {
        let upkept: Upkept | undefined;
        let skewMs = 0;
        let lastMs = 0;
        for (const [nth, jump] of all.entries()) {
          const afterMs = nth * tickMs;
          skewMs += jump * minuteMs;
          const nowMs = afterMs + skewMs;
          if (nowMs < upkeepDueAtMs({ ...(upkept && { upkept }), door: "open" }, nowMs, mode)) continue;
          expect(afterMs - lastMs).toBeLessThanOrEqual((mode === "sealed" ? 30_000 : 10_000) + tickMs);
          [upkept, lastMs] = [{ atMs: nowMs, failed: false }, afterMs];
        }
      }),
    );
  });
});
