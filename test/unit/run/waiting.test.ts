import { describe, expect, it } from "vitest";
import { decide } from "../../../src/run/decide.ts";
import { evolve } from "../../../src/run/evolve.ts";
import type { Fact } from "../../../src/run/fact.ts";
import type { RunLimits } from "../../../src/run/limits.ts";
import type { Seen } from "../../../src/run/seen.ts";
import type { Run } from "../../../src/run/state.ts";
import { pins, stand, stop } from "./facts.ts";

const hourMs = 3_600_000;
const limits = { attempts: 3, waitHours: 24, minutes: 60 } as RunLimits;
const working: Extract<Run, { at: "working" }> = {
  ...{ at: "working", pins, stand, slot: { uid: 7, limits, mode: "sealed" }, startedAtMs: 1_000, deadlineAtMs: hourMs },
};
const calm: Seen = {
  ...{ slotFree: false, sandbox: { state: "running" }, watched: true, keyRefused: false, outputFull: false, reportDue: false },
};
const ended = (exitCode: number, oomKilled = false): Partial<Seen> => ({ sandbox: { state: "exited", exitCode, oomKilled } });

describe("a run that meets the provider's limit", () => {
  it.each<[string, Partial<Seen>, object]>([
    [
      "is parked until it is lifted",
      { limitedUntilMs: 5 * hourMs },
      { do: "pause", pause: { why: "provider", untilMs: 5 * hourMs } },
    ],
    ["is parked where its agent gave up because of it", { limitedUntilMs: hourMs, ...ended(1) }, { do: "pause" }],
    ["is not where its agent was done", { limitedUntilMs: hourMs, ...ended(0) }, { do: "end-agent" }],
    ["leaves a short one to the agent's client", { limitedUntilMs: 2_000 + 9_999 }, { do: "upkeep" }],
    [
      "is ended where it would wait too long",
      { limitedUntilMs: 2_000 + 25 * hourMs },
      { do: "ask-stop", ending: { outcome: "timed_out" } },
    ],
  ])("%s", (_, seen, step) => {
    expect(decide(working, { ...calm, ...seen }, 2_000)).toMatchObject(step);
  });

  it("is ended where others meet the limit anew while it waits, until it would wait longer than it may", () => {
    const parked = evolve(working, { is: "paused", pause: { why: "provider", untilMs: 2_000 + 20 * hourMs }, atMs: 2_000 });
    const waiting = evolve(parked, { is: "put-away" });
    const nowMs = 2_000 + 20 * hourMs;
    const until = (hours: number) => decide(waiting, { ...calm, limitedUntilMs: 2_000 + hours * hourMs }, nowMs);
    expect(until(24)).toEqual({ do: "wait", untilMs: 2_000 + 24 * hourMs });
    expect(until(25)).toMatchObject({ do: "ask-stop", ending: { outcome: "timed_out", reason: { code: "model.limited" } } });
    // A run that was put away by an operator has not waited for it before.
    const paused = evolve(working, { is: "paused", pause: { why: "operator", untilMs: 2_000, by: "ada" }, atMs: 2_000 });
    const resumed = evolve(paused, { is: "put-away" });
    expect(decide(resumed, { ...calm, limitedUntilMs: nowMs + 24 * hourMs }, nowMs)).toMatchObject({ do: "wait" });
    expect(decide(resumed, { ...calm, limitedUntilMs: nowMs + 25 * hourMs }, nowMs)).toMatchObject({ do: "ask-stop" });
  });

  it("counts all of its waiting", () => {
    const again: Run = { ...working, earlier: { sandboxes: 1, lost: 0, workedMs: 0, waitedMs: 20 * hourMs } };
    expect(decide(again, { ...calm, limitedUntilMs: 3 * hourMs }, 0)).toMatchObject({ do: "pause" });
    expect(decide(again, { ...calm, limitedUntilMs: 5 * hourMs }, 0)).toMatchObject({ do: "ask-stop" });
  });
});

describe("a run whose sandbox dies", () => {
  it.each<[string, Partial<Seen>]>([
    ["by a signal", ended(137)],
    ["by the engine's own stop", ended(143)],
    ["out of memory", ended(137, true)],
    ["with a machine that was switched off", ended(255)],
    ["without a trace", { sandbox: { state: "absent" } }],
  ])("%s goes on in another one, so often as it may", (_, seen) => {
    let run: Run = working;
    for (const attempt of [1, 2, 3]) {
      const step = decide(run, { ...calm, ...seen }, 2_000);
      if (attempt === 3) {
        expect(["end-agent", "fail"]).toContain(step.do);
        return;
      }
      if (step.do !== "pause") throw new Error(step.do);
      run = evolve(evolve(run, { is: "paused", pause: step.pause, atMs: 2_000 }), { is: "put-away" });
      expect(run).toMatchObject({ at: "waiting", earlier: { sandboxes: attempt, lost: attempt, workedMs: attempt * 1_000 } });
      const further: Fact[] = [
        { is: "slot-taken", slot: { uid: 9 } },
        { is: "sealed", checks: [] },
        { is: "launched", atMs: 1_000, deadlineAtMs: hourMs },
      ];
      run = further.reduce(evolve, run);
      expect(run).toMatchObject({ at: "working", slot: { uid: 9, limits, mode: "sealed" } });
    }
  });

  it("before its agent began goes on in another one too", () => {
    const { startedAtMs: _, deadlineAtMs: __, ...rest } = working;
    const launching: Run = { ...rest, at: "launching" };
    const step = decide(launching, { ...calm, sandbox: { state: "absent" } }, 2_000);
    if (step.do !== "pause") throw new Error(step.do);
    expect(evolve(launching, { is: "paused", pause: step.pause, atMs: 2_000 })).toMatchObject({
      ...{ at: "waiting", earlier: { sandboxes: 1, lost: 1, workedMs: 0 } },
    });
  });

  it("has failed where its agent ended by itself, or its time is up", () => {
    expect(decide(working, { ...calm, ...ended(1) }, 2_000)).toMatchObject({ do: "end-agent" });
    expect(decide(working, { ...calm, ...ended(137) }, hourMs)).toMatchObject({ do: "end-agent" });
  });
});

describe("a run that the operator pauses", () => {
  const paused = { by: "ada", working: true };

  it("is put away where what is at work is meant, and goes on when that is taken back", () => {
    expect(decide(working, { ...calm, paused: { by: "ada", working: false } }, 2_000).do).toBe("upkeep");
    const step = decide(working, { ...calm, paused }, 2_000);
    expect(step).toMatchObject({ do: "pause", pause: { why: "operator", untilMs: 2_000, by: "ada" } });
    if (step.do !== "pause") return;
    const away = evolve(evolve(working, { is: "paused", pause: step.pause, atMs: 2_000 }), { is: "put-away" });
    expect(away).toMatchObject({ at: "waiting", earlier: { lost: 0, waitedMs: 0 } });
    // The store counts no paused run among those that a place is free for.
    expect(decide(away, { ...calm, slotFree: false, paused }, 3_000)).toEqual({ do: "wait" });
    expect(decide(away, { ...calm, slotFree: true }, 3_000)).toEqual({ do: "take-slot" });
  });

  it("whose agent has ended is inspected all the same", () => {
    expect(decide(working, { ...calm, ...ended(0), paused }, 2_000)).toMatchObject({ do: "end-agent" });
  });
});

describe("a run that waits", () => {
  const waiting = evolve(evolve(working, { is: "paused", pause: { why: "provider", untilMs: 9_000 }, atMs: 2_000 }), {
    is: "put-away",
  });

  const overCap = { scope: "repository", per: "day", untilMs: 99_000 } as const;

  it("holds no place, and keeps what it works under", () => {
    expect(waiting).toMatchObject({ at: "waiting", slot: { limits, mode: "sealed" } });
    expect(waiting).not.toHaveProperty("slot.uid");
  });

  it.each<[string, Partial<Seen>, number, object]>([
    ["waits for its hour", { slotFree: true }, 8_999, { do: "wait", untilMs: 9_000 }],
    ["then takes a place", { slotFree: true }, 9_000, { do: "take-slot" }],
    ["or waits for one", {}, 9_000, { do: "wait" }],
    ["or for a limit that was met meanwhile", { slotFree: true, limitedUntilMs: 99_000 }, 9_000, { do: "wait", untilMs: 99_000 }],
    ["or is ended where there is no money to go on with", { slotFree: true, overCap }, 9_000, { do: "ask-stop" }],
    ["and not before it would go on", { overCap }, 9_000, { do: "wait" }],
    ["and heeds a stop", { stop: { outcome: "cancelled" } }, 3_000, { do: "ask-stop" }],
  ])("%s", (_, seen, nowMs, step) => {
    expect(decide(waiting, { ...calm, ...seen }, nowMs)).toMatchObject(step);
  });

  it("is stopped by way of what it made, from wherever it is without an agent", () => {
    const sealing = evolve(waiting, { is: "slot-taken", slot: { uid: 9 } });
    for (const run of [waiting, sealing, evolve(sealing, { is: "sealed", checks: [] })])
      expect(evolve(run, stop)).toMatchObject({ at: "inspecting", because: { outcome: "cancelled" } });
    expect(evolve(sealing, { is: "not-sealed", checks: [], failed: ["uid"] })).toMatchObject({ at: "inspecting" });
  });
});
