import { describe, expect, it } from "vitest";
import type { RunLimits } from "../../../src/run/limits.ts";
import { decidePace, type Nudge, type Pace } from "../../../src/run/pace.ts";

const limits = { stallMinutes: 10, loopCalls: 4 } as RunLimits;
const minute = 60_000;
const quiet: Pace = { activeUntilMs: 0, repeated: [], deaf: false };
const looping = (times: number): Pace => ({
  ...quiet,
  activeUntilMs: 1e9,
  repeated: [{ call: "c", tool: "Bash", atMs: Array.from({ length: times }, (_, n) => n + 1) }],
});
const stall = (atMs: number): Nudge => ({ why: "stall", atMs });
const loop = (atMs: number, call = "c"): Nudge => ({ why: "loop", call, atMs });
const of = (pace: Pace, nudges: readonly Nudge[], nowMs: number) => {
  const decided = decidePace(pace, limits, nudges, nowMs);
  return decided.is === "end" ? decided.ending.reason?.code : decided.is;
};

describe("an agent that is silent", () => {
  it("is spoken to after its minutes, and ended after as many again", () => {
    expect(decidePace(quiet, limits, [], 9 * minute)).toEqual({ is: "fine", untilMs: 10 * minute });
    expect(decidePace(quiet, limits, [], 10 * minute)).toMatchObject({
      is: "nudge",
      why: "stall",
      words: expect.stringContaining("10 minutes"),
    });
    expect(decidePace(quiet, limits, [stall(10 * minute)], 19 * minute)).toEqual({ is: "fine", untilMs: 20 * minute });
    expect(of(quiet, [stall(10 * minute)], 20 * minute)).toBe("agent.stalled");
  });

  it("is spoken to again where it moved in between, and not for ever", () => {
    const moved = { ...quiet, activeUntilMs: 15 * minute };
    expect(of(moved, [stall(10 * minute)], 24 * minute)).toBe("fine");
    expect(of(moved, [stall(10 * minute)], 25 * minute)).toBe("nudge");
    expect(of(moved, [stall(1), stall(2), stall(3)], 25 * minute)).toBe("agent.stalled");
  });

  it("is ended at once where it hears nothing any more", () => {
    expect(of({ ...quiet, deaf: true }, [], 10 * minute)).toBe("agent.stalled");
  });
});

describe("an agent that goes in a circle", () => {
  it("is spoken to at its number of equal calls, and ended after as many more", () => {
    expect(of(looping(3), [], 5)).toBe("fine");
    expect(decidePace(looping(4), limits, [], 5)).toMatchObject({
      is: "nudge",
      why: "loop",
      call: "c",
      words: expect.stringContaining("Bash 4 times"),
    });
    expect(of(looping(7), [loop(4)], 9)).toBe("fine");
    expect(of(looping(8), [loop(4)], 9)).toBe("agent.looping");
  });

  it("is spoken to once for each call, three times in all", () => {
    expect(of(looping(4), [loop(1, "other")], 5)).toBe("nudge");
    expect(of(looping(4), [loop(1, "x"), loop(1, "y"), loop(1, "z")], 5)).toBe("agent.looping");
  });

  it("is seen in a subagent too, beside a conversation that is fine", () => {
    const pace = { ...looping(4), repeated: [{ call: "fine", tool: "Read", atMs: [1] }, ...looping(4).repeated] };
    expect(of(pace, [], 5)).toBe("nudge");
  });
});
