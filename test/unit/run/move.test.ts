import { describe, expect, it } from "vitest";
import { decide } from "../../../src/run/decide.ts";
import { evolve } from "../../../src/run/evolve.ts";
import { decideMove } from "../../../src/run/move.ts";
import type { Seen } from "../../../src/run/seen.ts";
import type { Run } from "../../../src/run/state.ts";
import { sha } from "../../helpers/store.ts";

const pins = { targetBranch: "main", baseSha: sha("a") };
const stand = { branch: "agent/issue-1", sha: sha("b"), startCommit: true, checkRunId: 1, commentId: 2 };
const limits = {
  ...{ minutes: 60, memoryBytes: 1, cpus: 1, processes: 1, diskBytes: 1, diskFiles: 1, outputBytes: 1, stallMinutes: 10 },
  ...{ loopCalls: 8, attempts: 3, waitHours: 24 },
};
const slot = { uid: 700_001, mode: "sealed", limits } as const;
const away: Seen = {
  ...{ away: true, slotFree: true, sandbox: { state: "absent" }, watched: false, keyRefused: false, outputFull: false },
  reportDue: false,
};
const working: Run = { at: "working", pins, stand, slot, startedAtMs: 1_000, deadlineAtMs: 99_000_000 };
const because = { outcome: "cancelled" } as const;
const moved = (run: Run) => evolve(run, { is: "moved", atMs: 61_000 });

describe("a run whose machine is lost", () => {
  it.each<[string, Run]>([
    ["preparing", { at: "preparing", pins, stand, slot }],
    ["sealing", { at: "sealing", pins, stand, slot }],
    ["launching", { at: "launching", pins, stand, slot }],
    ["working", working],
    ["inspecting", { at: "inspecting", pins, stand, slot, agentExit: 0 }],
    ["publishing", { at: "publishing", pins, stand, slot, tip: sha("c"), rebuilt: sha("d") }],
  ])("is taken over first, whatever else there is to do: %s", (_, run) => {
    expect(decide(run, { ...away, stop: because }, 61_000)).toEqual({ do: "move" });
    expect(decide(run, { ...away, stop: because, away: undefined as never }, 61_000)).not.toEqual({ do: "move" });
  });

  it("begins again on another one, prepared anew, with its time and its attempts counted on", () => {
    const waiting = moved(working);
    expect(waiting).toMatchObject({
      at: "waiting",
      afresh: true,
      pause: { why: "machine" },
      earlier: { sandboxes: 1, lost: 1, workedMs: 60_000 },
    });
    expect(waiting).not.toHaveProperty("slot.uid");
    expect(decide(waiting, { ...away, away: undefined as never }, 61_000)).toEqual({ do: "take-slot" });
    const preparing = evolve(waiting, { is: "slot-taken", slot: { uid: 700_009 } });
    expect(preparing).toMatchObject({ at: "preparing", slot: { uid: 700_009, mode: "sealed" }, earlier: { lost: 1 } });
    const sealing = evolve(preparing, { is: "prepared", promptBytes: 1, removed: [], limits });
    expect(sealing).toMatchObject({ at: "sealing", earlier: { lost: 1 } });
    // Its agent has never heard of the task: it is told as if for the first time.
    expect(sealing).not.toHaveProperty("pausedFor");
  });

  it("goes back into the line where nothing was begun", () => {
    expect(moved({ at: "preparing", pins, stand, slot })).toEqual({ at: "queued", pins, stand });
  });

  it("is given up after its last attempt, with words", () => {
    const last = { ...working, earlier: { sandboxes: 2, lost: 2, workedMs: 0, waitedMs: 0 } };
    expect(moved(last)).toMatchObject({ at: "closing", ending: { outcome: "failed", reason: { code: "machine.lost" } } });
  });

  it("ends as it was to end, where that was decided", () => {
    expect(moved({ at: "stopping", pins, stand, slot, because })).toMatchObject({ at: "closing", ending: because });
    expect(moved({ at: "inspecting", pins, stand, slot, agentExit: 0, because })).toMatchObject({
      at: "closing",
      ending: because,
    });
  });

  it("goes on waiting for what it waited for", () => {
    const pause = { why: "provider", untilMs: 9_000_000 } as const;
    const earlier = { sandboxes: 1, lost: 0, workedMs: 5, waitedMs: 7 };
    const parked: Run = { at: "waiting", pins, stand, slot: { limits }, pause, earlier };
    const waiting = moved(parked);
    // Its wait was counted when it was parked: each move would count it again, until it had "waited longer than it may".
    expect(waiting).toMatchObject({ at: "waiting", afresh: true, pause, earlier });
    expect(moved(waiting)).toMatchObject({ earlier });
    expect(evolve(waiting, { is: "stop-asked", ending: because })).toMatchObject({ at: "closing", ending: because });
  });

  it("keeps what is held where it is: a word to publish waits for its machine, and one to discard does not", () => {
    const held: Run = {
      ...{ at: "held", pins, stand, tip: sha("c"), rebuilt: sha("d"), why: [], heldUntilMs: 90_000 },
    };
    expect(decideMove(held, 0)).toEqual({ is: "stays" });
    const word = (kind: "publish" | "discard") => decide(held, { ...away, word: { kind, by: "ada" } as never }, 61_000);
    expect(word("publish")).toEqual({ do: "wait", untilMs: 90_000 + 24 * 3_600_000 });
    expect(word("discard")).toEqual({ do: "discard", by: "ada" });
    expect(decide(held, away, 90_000)).toEqual({ do: "expire" });
  });
});
