import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findUnseen } from "../../../src/publish/release.ts";
import { capEnding } from "../../../src/run/cap.ts";
import { findStop, findWord } from "../../../src/run/command.ts";
import { decide } from "../../../src/run/decide.ts";
import { evolve } from "../../../src/run/evolve.ts";
import type { Fact } from "../../../src/run/fact.ts";
import type { Seen } from "../../../src/run/seen.ts";
import type { Place, Run } from "../../../src/run/state.ts";
import type { Step } from "../../../src/run/step.ts";
import { sha } from "../../helpers/store.ts";
import { pins, stand, states } from "./facts.ts";

const calm: Seen = {
  slotFree: false,
  sandbox: { state: "running" },
  watched: true,
  keyRefused: false,
  outputFull: false,
  reportDue: false,
  upkept: { atMs: 50, failed: false },
};
const stop = { outcome: "cancelled" } as const;
const full = { path: "/data", usedPercent: 91, boundPercent: 85 };
const exited = { state: "exited", exitCode: 0, oomKilled: false } as const;

const overCap = { scope: "actor", per: "month", untilMs: 9_000 } as const;

function at(place: Place): Run {
  const run = states.find((one) => one.at === place);
  if (!run) throw new Error(`no run is ${place}`);
  return run;
}

describe("what is done next", () => {
  it.each<[Place, Partial<Seen>, Partial<Step>]>([
    ["accepted", {}, { do: "pin" }],
    ["accepted", { stop }, { do: "pin" }],
    ["announcing", {}, { do: "announce" }],
    ["queued", {}, { do: "wait" }],
    ["queued", { slotFree: true, reportDue: true }, { do: "take-slot" }],
    ["queued", { reportDue: true }, { do: "report" }],
    ["queued", { slotFree: true, stop }, { do: "ask-stop" }],
    ["preparing", {}, { do: "prepare" }],
    ["preparing", { stop }, { do: "ask-stop" }],
    ["sealing", {}, { do: "seal" }],
    ["sealing", { stop }, { do: "ask-stop" }],
    ["launching", {}, { do: "launch" }],
    ["launching", { stop }, { do: "ask-stop" }],
    ["launching", { sandbox: { state: "absent" } }, { do: "fail" }],
    ["working", {}, { do: "wait", untilMs: 500 }],
    ["working", { reportDue: true }, { do: "report" }],
    ["working", { watched: false }, { do: "watch" }],
    ["working", { watched: false, door: "gone" }, { do: "watch" }],
    ["working", { sandbox: { state: "absent" }, upkept: undefined as never }, { do: "fail" }],
    ["working", { upkept: undefined as never, reportDue: true }, { do: "upkeep" }],
    ["working", { watched: false, sandbox: exited }, { do: "watch" }],
    ["working", { sandbox: exited }, { do: "end-agent", exitCode: 0 }],
    ["working", { sandbox: { state: "absent" }, watched: false }, { do: "fail" }],
    ["working", { keyRefused: true }, { do: "ask-stop" }],
    ["working", { overBudget: true }, { do: "ask-stop" }],
    ["working", { overCap }, { do: "ask-stop", ending: capEnding(overCap, true) }],
    ["working", { overCap, sandbox: exited }, { do: "ask-stop" }],
    // Before it takes a place, and whether or not there is one.
    ["queued", { overCap, slotFree: true }, { do: "ask-stop", ending: capEnding(overCap, false) }],
    ["queued", { overCap, reportDue: true }, { do: "ask-stop" }],
    ["queued", { overCap, stop }, { do: "ask-stop", ending: stop }],
    ["working", { outputFull: true }, { do: "ask-stop" }],
    ["working", { met: ["disk"] }, { do: "note-limit", limit: "disk" }],
    ["working", { met: ["disk"], sandbox: exited }, { do: "note-limit", limit: "disk" }],
    ["working", { inputDue: true, reportDue: true }, { do: "end-input" }],
    ["working", { inputDue: true, sandbox: exited }, { do: "end-agent" }],
    ["working", { stop, sandbox: exited }, { do: "ask-stop" }],
    // Its sandbox first, whatever else is to be done.
    ["waiting", { stop, slotFree: true }, { do: "put-away" }],
    ["queued", { slotFree: true, limitedUntilMs: 90_000 }, { do: "wait", untilMs: 90_000 }],
    ["queued", { slotFree: true, limitedUntilMs: 10_000 }, { do: "take-slot" }],
    ["queued", { stop, limitedUntilMs: 90_000 }, { do: "ask-stop" }],
    // The disk is full: nothing begins, and what has begun goes on.
    ["queued", { slotFree: true, full }, { do: "wait" }],
    ["queued", { slotFree: true, full, reportDue: true }, { do: "report" }],
    ["queued", { slotFree: true, full, stop }, { do: "ask-stop" }],
    ["preparing", { full }, { do: "prepare" }],
    ["working", { full }, { do: "wait", untilMs: 500 }],
    ["stopping", { stop }, { do: "stop-sandbox" }],
    ["inspecting", { stop }, { do: "inspect" }],
    ["held", { stop }, { do: "rest" }],
    ["publishing", {}, { do: "push", tip: sha("d"), rebuilt: sha("e") }],
    ["presenting", {}, { do: "present", head: sha("e") }],
    ["closing", { stop }, { do: "close" }],
    ["ended", { stop, slotFree: true, reportDue: true }, { do: "wait" }],
  ])("when %s and %j it is %j", (place, seen, step) => {
    expect(decide(at(place), { ...calm, ...seen }, 100)).toMatchObject(step);
  });

  it("at the deadline is to stop, and not a millisecond before", () => {
    expect(decide(at("working"), calm, 499)).toEqual({ do: "wait", untilMs: 500 });
    expect(decide(at("working"), calm, 500)).toMatchObject({ do: "ask-stop", ending: { outcome: "timed_out" } });
  });

  it("at the deadline is to stop though nobody can read what the agent says; one that has ended is read first", () => {
    const unread = { ...calm, watched: false };
    expect(decide(at("working"), unread, 499)).toEqual({ do: "watch" });
    expect(decide(at("working"), unread, 500)).toMatchObject({ do: "ask-stop", ending: { outcome: "timed_out" } });
    expect(decide(at("working"), { ...unread, sandbox: exited }, 500)).toEqual({ do: "watch" });
  });

  it("for an agent that ended at its deadline is to take its work", () => {
    expect(decide(at("working"), { ...calm, sandbox: exited }, 900).do).toBe("end-agent");
  });

  const held: Run = { at: "held", pins, stand, tip: sha("d"), rebuilt: sha("e"), why: [], heldUntilMs: 500 };
  it.each<[Partial<Seen>, number, Step]>([
    [{}, 100, { do: "wait", untilMs: 500 }],
    [{}, 500, { do: "expire" }],
    [{ word: { kind: "publish", by: "ada" } }, 900, { do: "release", by: "ada" }],
    [{ word: { kind: "discard", by: "ada" } }, 100, { do: "discard", by: "ada" }],
    [{ stop, word: { kind: "publish", by: "ada" } }, 100, { do: "ask-stop", ending: stop }],
    // Its machine is away: it is published when that is back, and stands in nobody's way for ever.
    [{ away: true }, 100, { do: "wait", untilMs: 500 }],
    [{ away: true, reportDue: true }, 100, { do: "report" }],
    [{ away: true }, 500, { do: "expire" }],
    [{ away: true, word: { kind: "publish", by: "ada" } }, 900, { do: "wait", untilMs: 86_400_500 }],
    [{ away: true, word: { kind: "publish", by: "ada" } }, 86_400_500, { do: "expire" }],
    [{ away: true, word: { kind: "discard", by: "ada" } }, 100, { do: "discard", by: "ada" }],
    [{ away: true, stop, word: { kind: "publish", by: "ada" } }, 100, { do: "ask-stop", ending: stop }],
  ])("for held work, when %j at %i, is %j", (seen, nowMs, step) => {
    expect(decide(held, { ...calm, ...seen }, nowMs)).toEqual(step);
  });

  it("takes a word on the very commit that is held, and on no other", () => {
    const word = (kind: "publish" | "discard", d: string) => ({ kind, by: d, how: "cli" as const, sha: sha(d) });
    const all = [word("publish", "a"), word("discard", "b"), word("publish", "b")];
    expect(findWord(all, sha("b"))).toEqual({ kind: "discard", by: "b" });
    expect(findWord(all, sha("c"))).toBeUndefined();
  });

  it("shows held work anew where the gate has more to say than was shown, and waits for another word", () => {
    const why = [{ code: "publish.ci", words: "More." }];
    const again = evolve(held, { is: "held-again", by: "ada", why, heard: 2, untilMs: 900 });
    expect(again).toEqual({ ...held, why, heard: 2, heldUntilMs: 900, untold: true });
    expect(decide(again, { ...calm, word: { kind: "publish", by: "ada" } }, 0)).toEqual({ do: "rest" });
    expect(evolve(again, { is: "rested" })).toEqual({ ...held, why, heard: 2, heldUntilMs: 900 });
    expect(findUnseen(why, [...why, { code: "publish.ci", words: "Yet more." }])).toHaveLength(1);
    expect(findUnseen(why, why)).toEqual([]);
    expect(evolve(again, { is: "released", by: "ada" })).not.toHaveProperty("heard");
  });

  it("leads from a release to the push of what was held, without a place on the machine", () => {
    const next = evolve({ ...held, draft: true }, { is: "released", by: "ada" });
    expect(next).toEqual({ at: "publishing", pins, stand, tip: sha("d"), rebuilt: sha("e"), draft: true });
    expect(evolve({ ...held, slot: { uid: 300_000 } }, { is: "rested" })).toEqual(held);
    expect(evolve(held, { is: "discarded", by: "ada" })).toMatchObject({ at: "closing", ending: { outcome: "cancelled" } });
    expect(evolve(held, { is: "hold-expired" })).toMatchObject({ at: "closing", ending: { outcome: "timed_out" } });
  });

  it("heeds the first of several stops", () => {
    expect(findStop([])).toBeUndefined();
    expect(
      findStop([
        { kind: "stop", by: "ada", how: "cli" },
        { kind: "stop", by: "bob", how: "page" },
      ]),
    ).toMatchObject({ by: "ada" });
  });
});

/** What a step makes true, in one of the ways that it may go. `luck` picks among them. */
function outcomeOf(step: Step, luck: number): Fact | undefined {
  const one = <T>(...choices: T[]): T => choices[luck % choices.length] as T;
  const failed: Fact = { is: "failed", reason: { code: "x", words: "No." } };
  switch (step.do) {
    case "wait":
    case "report":
    case "watch":
    case "upkeep":
      return undefined;
    case "pin":
      return one<Fact>({ is: "pinned", pins }, { is: "refused", reason: { code: "x", words: "No." } }, failed);
    case "announce":
      return one<Fact>({ is: "announced", stand }, failed);
    case "take-slot":
      return one<Fact | undefined>({ is: "slot-taken", slot: { uid: 300_000 } }, undefined);
    case "prepare":
      return one<Fact>({ is: "prepared", promptBytes: 1, removed: [] }, failed);
    case "seal":
      return one<Fact>({ is: "sealed", checks: [] }, { is: "not-sealed", checks: [], failed: ["uid"] }, failed);
    case "launch":
      return one<Fact>({ is: "launched", atMs: 1, deadlineAtMs: 500 }, failed);
    case "pause":
      return { is: "paused", pause: step.pause, atMs: 3 };
    case "put-away":
      return one<Fact>({ is: "put-away" }, failed);
    case "ask-stop":
      return { is: "stop-asked", ending: step.ending };
    case "stop-sandbox":
      return { is: "stopped", exitCode: 143 };
    case "end-agent":
      return { is: "agent-ended", exitCode: step.exitCode, oomKilled: step.oomKilled };
    case "inspect":
      return one<Fact>(
        { is: "inspected", tip: sha("d"), rebuilt: sha("e"), commits: 1, files: 1 },
        { is: "held", tip: sha("d"), rebuilt: sha("e"), commits: 1, files: 1, why: [], untilMs: 500 },
        { is: "nothing-made" },
        { is: "work-refused", reason: { code: "x", words: "No." } },
        failed,
      );
    case "rest":
      return one<Fact>({ is: "rested" }, failed);
    case "release":
      return { is: "released", by: step.by };
    case "discard":
      return { is: "discarded", by: step.by };
    case "expire":
      return { is: "hold-expired" };
    case "push":
      return one<Fact>({ is: "pushed", head: step.rebuilt }, { is: "work-refused", reason: { code: "x", words: "No." } }, failed);
    case "present":
      return one<Fact>({ is: "presented", pullRequest: { number: 1, url: "u", head: step.head } }, failed);
    case "fail":
      return { is: "failed", reason: { code: step.code, words: step.words } };
    case "close":
      return { is: "closed" };
  }
}

const anySeen: fc.Arbitrary<Seen> = fc.record(
  {
    stop: fc.constant(stop),
    word: fc.constantFrom({ kind: "publish" as const, by: "ada" }, { kind: "discard" as const, by: "ada" }),
    slotFree: fc.boolean(),
    sandbox: fc.constantFrom<Seen["sandbox"]>(
      { state: "absent" },
      { state: "running" },
      exited,
      { ...exited, exitCode: 1 },
      { ...exited, exitCode: 137 },
    ),
    limitedUntilMs: fc.nat(200_000),
    full: fc.constant(full),
    watched: fc.boolean(),
    keyRefused: fc.constantFrom(false, false, true),
    outputFull: fc.constantFrom(false, false, true),
    reportDue: fc.boolean(),
    door: fc.constantFrom("open" as const, "gone" as const),
    upkept: fc.record({ atMs: fc.nat(1_000), failed: fc.boolean() }),
  },
  { requiredKeys: ["slotFree", "sandbox", "watched", "keyRefused", "outputFull", "reportDue"] },
);
const turns = fc.array(fc.tuple(anySeen, fc.nat(11), fc.nat(1_000)), { maxLength: 60 });

describe("whatever is seen, and however each step goes", () => {
  it("every fact that a step makes true moves the run on: none is done in vain for ever", () => {
    fc.assert(
      fc.property(turns, (all) => {
        let run: Run = { at: "accepted" };
        for (const [seen, luck, nowMs] of all) {
          const fact = outcomeOf(decide(run, seen, nowMs), luck);
          const next: Run = fact ? evolve(run, fact) : run;
          if (fact) expect(next).not.toEqual(run);
          run = next;
        }
      }),
    );
  });

  it("no step is taken after the end", () => {
    fc.assert(fc.property(anySeen, fc.nat(), (seen, nowMs) => decide(at("ended"), seen, nowMs).do === "wait"));
  });

  it("an agent is launched only in a sandbox that was sealed and is there", () => {
    fc.assert(
      fc.property(turns, (all) => {
        let run: Run = { at: "accepted" };
        let sealed = false;
        for (const [seen, luck, nowMs] of all) {
          const step = decide(run, seen, nowMs);
          if (step.do === "launch") expect([sealed, seen.sandbox.state]).toEqual([true, "running"]);
          const fact = outcomeOf(step, luck);
          sealed ||= fact?.is === "sealed";
          if (fact) run = evolve(run, fact);
        }
      }),
    );
  });

  it("the run comes to its end once all goes well and somebody stops it", () => {
    fc.assert(
      fc.property(turns, (all) => {
        let run: Run = { at: "accepted" };
        const step = (seen: Seen, luck: number, nowMs: number) => {
          const fact = outcomeOf(decide(run, seen, nowMs), luck);
          if (fact) run = evolve(run, fact);
        };
        for (const [seen, luck, nowMs] of all) step(seen, luck, nowMs);
        for (let n = 0; n < 16; n++) step({ ...calm, stop, slotFree: true }, 0, 0);
        expect(run.at).toBe("ended");
      }),
    );
  });
});
