import fc from "fast-check";
import type { Fact } from "../../../src/run/fact.ts";
import type { Run, Stand } from "../../../src/run/state.ts";
import { sha } from "../../helpers/store.ts";

export const pins = { targetBranch: "main", baseSha: sha("a") };
export const stand: Stand = { branch: "agent/issue-1", sha: sha("b"), startCommit: true, checkRunId: 1, commentId: 2 };
export const stop: Fact = { is: "stop-asked", ending: { outcome: "cancelled" } };

const held = { pins, stand, slot: { uid: 300_000 } };

/** A run at each place. */
export const states: Run[] = [
  { at: "accepted" },
  { at: "announcing", pins },
  { at: "queued", pins, stand },
  { at: "preparing", ...held },
  { at: "sealing", ...held },
  { at: "launching", ...held },
  { at: "working", ...held, startedAtMs: 0, deadlineAtMs: 500 },
  {
    at: "waiting",
    ...held,
    pause: { why: "provider", untilMs: 500 },
    earlier: { sandboxes: 1, lost: 0, workedMs: 9, waitedMs: 9 },
  },
  { at: "stopping", ...held, because: { outcome: "cancelled" } },
  { at: "inspecting", ...held, agentExit: 0 },
  { at: "held", ...held, tip: sha("d"), rebuilt: sha("e"), why: [], heldUntilMs: 500 },
  { at: "publishing", ...held, tip: sha("d"), rebuilt: sha("e") },
  { at: "presenting", ...held, rebuilt: sha("e") },
  { at: "closing", ...held, ending: { outcome: "succeeded" } },
  { at: "ended", stand, ending: { outcome: "succeeded" } },
];

const reason = fc.record({ code: fc.constantFrom("a", "b"), words: fc.constant("No.") });
const exitCode = fc.constantFrom(0, 1, 137, 143, 255);

/** Whatever may happen, with values that are told apart. */
export const anyFact: fc.Arbitrary<Fact> = fc.oneof(
  // The usual way is likely, so that histories come far.
  {
    weight: 3,
    arbitrary: fc.constantFrom<Fact>(
      { is: "pinned", pins },
      { is: "announced", stand },
      { is: "slot-taken", slot: { uid: 300_000 } },
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom<Fact>({ is: "prepared", promptBytes: 1, removed: [] }, { is: "sealed", checks: [] }) },
  { weight: 2, arbitrary: fc.constantFrom<Fact>({ is: "launched", atMs: 1, deadlineAtMs: 500 }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("agent-ended" as const), exitCode, oomKilled: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom("d", "e")
      .map((d): Fact => ({ is: "inspected", tip: sha(d), rebuilt: sha("f"), commits: 1, files: 1 })),
  },
  fc.constantFrom<Fact>(
    { is: "pushed", head: sha("f") },
    { is: "presented", pullRequest: { number: 1, url: "u", head: sha("f") } },
  ),
  fc.constantFrom<Fact>(
    { is: "held", tip: sha("d"), rebuilt: sha("f"), commits: 1, files: 1, why: [], untilMs: 500 },
    { is: "rested" },
    { is: "released", by: "ada" },
    { is: "held-again", by: "ada", why: [], heard: 1, untilMs: 500 },
    { is: "discarded", by: "ada" },
    { is: "hold-expired" },
  ),
  fc.constantFrom<Fact>({ is: "nothing-made" }, { is: "closed" }, stop),
  fc.record({ is: fc.constantFrom("refused" as const, "work-refused" as const, "failed" as const), reason }),
  fc.record({ is: fc.constant("stopped" as const), exitCode }),
  fc.constantFrom<Fact>(
    { is: "limit-met", limit: "disk" },
    { is: "limit-met", limit: "processes" },
    { is: "nudged", why: "loop", call: "c", words: "Stop.", atMs: 3 },
  ),
  fc.constantFrom<Fact>(
    { is: "paused", pause: { why: "provider", untilMs: 400 }, atMs: 3 },
    { is: "paused", pause: { why: "lost", untilMs: 400, exitCode: 137, oomKilled: false }, atMs: 3 },
    { is: "put-away" },
  ),
  fc.constantFrom<Fact>({ is: "not-sealed", checks: [], failed: ["uid"] }),
);
