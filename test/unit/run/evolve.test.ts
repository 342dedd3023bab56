import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evolve } from "../../../src/run/evolve.ts";
import type { Fact } from "../../../src/run/fact.ts";
import type { Ending, Run } from "../../../src/run/state.ts";
import { sha } from "../../helpers/store.ts";
import { anyFact, pins, stand, states, stop } from "./facts.ts";

function play(facts: readonly Fact[], from: Run = { at: "accepted" }): Run {
  return facts.reduce(evolve, from);
}

const way: Fact[] = [
  { is: "pinned", pins },
  { is: "announced", stand },
  { is: "slot-taken", slot: { uid: 300_000 } },
  { is: "prepared", promptBytes: 9, removed: [] },
  { is: "sealed", checks: [] },
  { is: "launched", atMs: 5, deadlineAtMs: 500 },
  { is: "agent-ended", exitCode: 0, oomKilled: false },
  { is: "inspected", tip: sha("d"), rebuilt: sha("e"), commits: 1, files: 1 },
  { is: "pushed", head: sha("e") },
  { is: "presented", pullRequest: { number: 4, url: "https://github.com/acme/shop/pull/4", head: sha("e") } },
  { is: "closed" },
];

const untilAgentEnd = way.slice(0, 6);

describe("a run's way", () => {
  it("leads from acceptance to a pull request", () => {
    expect(way.map((_, n) => play(way.slice(0, n + 1)).at)).toEqual(
      "announcing queued preparing sealing launching working inspecting publishing presenting closing ended".split(" "),
    );
    expect(play(way)).toEqual({
      at: "ended",
      stand,
      ending: { outcome: "succeeded" },
      pullRequest: { number: 4, url: "https://github.com/acme/shop/pull/4", head: sha("e") },
    });
  });

  const refused = { code: "x", words: "No." };
  const ended = (exitCode: number, oomKilled = false): Fact => ({ is: "agent-ended", exitCode, oomKilled });
  const made = way[7] as Fact;
  it.each<[string, Fact[], Ending["outcome"], string | undefined]>([
    ["refused at its pin", [{ is: "refused", reason: refused }], "refused", "x"],
    ["refused at its branch", [...way.slice(0, 1), { is: "refused", reason: refused }], "refused", "x"],
    ["stopped in the queue", [...way.slice(0, 2), stop], "cancelled", undefined],
    ["not sealed", [...way.slice(0, 4), { is: "not-sealed", checks: [], failed: ["uid"] }], "failed", "sandbox.not-sealed"],
    ["without commits", [...untilAgentEnd, ended(0), { is: "nothing-made" }], "no_changes", undefined],
    ["with a failed agent and commits", [...untilAgentEnd, ended(1), made], "failed", "agent.failed"],
    ["with a failed agent and none", [...untilAgentEnd, ended(1), { is: "nothing-made" }], "failed", "agent.failed"],
    ["with work that did not get out", [...untilAgentEnd, ended(75), { is: "nothing-made" }], "failed", "sandbox.work-not-saved"],
    ["out of memory", [...untilAgentEnd, ended(137, true), made], "failed", "sandbox.out-of-memory"],
    [
      "failed with a full disk",
      [...untilAgentEnd, { is: "limit-met", limit: "disk" }, ended(1), made],
      "failed",
      "sandbox.disk-full",
    ],
    [
      "failed after forks were refused, and out of memory",
      [...untilAgentEnd, { is: "limit-met", limit: "processes" }, { is: "limit-met", limit: "memory" }, ended(1), made],
      "failed",
      "sandbox.out-of-memory",
    ],
    [
      "done although its disk was full once",
      [...untilAgentEnd, { is: "limit-met", limit: "disk" }, ended(0), { is: "nothing-made" }],
      "no_changes",
      undefined,
    ],
    ["stopped at work", [...untilAgentEnd, stop, { is: "stopped", exitCode: 143 }, made], "cancelled", undefined],
    [
      "stopped at work, its work refused",
      [...untilAgentEnd, stop, { is: "stopped", exitCode: 0 }, { is: "work-refused", reason: refused }],
      "cancelled",
      undefined,
    ],
    ["with refused work", [...untilAgentEnd, ended(0), { is: "work-refused", reason: refused }], "refused", "x"],
    ["with a refused push", [...untilAgentEnd, ended(0), made, { is: "work-refused", reason: refused }], "refused", "x"],
  ])("%s ends there", (_, facts, outcome, code) => {
    const run = play(facts);
    expect(run).toMatchObject({ at: "closing", ending: { outcome } });
    expect((run as { ending: Ending }).ending.reason?.code).toBe(code);
    expect(play([...facts, { is: "closed" }])).toMatchObject({ at: "ended", ending: { outcome } });
  });

  it("goes on where something ran out of memory and the agent came through", () => {
    expect(play([...untilAgentEnd, ended(0, true), made]).at).toBe("publishing");
  });

  it("keeps the first ending when something fails while it closes", () => {
    const closing = play(way.slice(0, 10));
    expect(evolve(closing, { is: "failed", reason: refused })).toEqual(closing);
  });
});

describe("whatever happens in whatever order", () => {
  const history = fc.array(anyFact, { maxLength: 40 });

  it("keeps the reason that it is stopped for where its work cannot be inspected to the end", () => {
    const because: Ending = { outcome: "cancelled", reason: { code: "grant.suspended", words: "Alice suspended it." } };
    const reason = { code: "grant.suspended", words: "GitHub gave no token." };
    const stopped = play([...untilAgentEnd, { is: "stop-asked", ending: because }, { is: "stopped", exitCode: 143 }]);
    expect(evolve(stopped, { is: "failed", reason })).toMatchObject({ at: "closing", ending: because });
    // The control: without one, what failed is the reason.
    const ended = play(way.slice(0, 7));
    expect(evolve(ended, { is: "failed", reason })).toMatchObject({ at: "closing", ending: { outcome: "failed", reason } });
  });

  it("a failure leads to closing, from everywhere but the end, and from an agent's work by way of what it made", () => {
    for (const run of states) {
      const next = evolve(run, { is: "failed", reason: { code: "x", words: "No." } });
      const ways: Partial<Record<Run["at"], Run["at"]>> = { ended: "ended", working: "stopping", waiting: "stopping" };
      expect(next.at).toBe(ways[run.at] ?? "closing");
    }
  });

  it("the way has one end, which nothing changes any more", () => {
    fc.assert(
      fc.property(history, history, (facts, late) => {
        const run = play(facts);
        if (run.at === "ended") expect(play(late, run)).toBe(run);
      }),
    );
  });

  it("an ending is decided once, and the end tells the same", () => {
    fc.assert(
      fc.property(history, (facts) => {
        let run: Run = { at: "accepted" };
        let decided: Ending | undefined;
        for (const fact of facts) {
          run = evolve(run, fact);
          if (!("ending" in run)) continue;
          decided ??= run.ending;
          expect(run.ending).toEqual(decided);
        }
      }),
    );
  });

  it("the way never goes back, but from waiting to the next sandbox", () => {
    const order =
      "accepted announcing queued preparing sealing launching working stopping inspecting publishing presenting closing ended";
    fc.assert(
      fc.property(history, (facts) => {
        let place = 0;
        for (const n of facts.keys()) {
          const { at } = play(facts.slice(0, n + 1));
          const now = order.split(" ").indexOf(at === "waiting" ? "sealing" : at);
          if (at === "waiting") place = now;
          expect(now).toBeGreaterThanOrEqual(place);
          place = now;
        }
      }),
    );
  });

  it("a slot and a stand, once had, are kept until the run has ended", () => {
    fc.assert(
      fc.property(history, (facts) => {
        let run: Run = { at: "accepted" };
        for (const fact of facts) {
          const next = evolve(run, fact);
          const gives = run.at === "waiting" || fact.is === "rested";
          if ("slot" in run && run.slot && next.at !== "ended" && !gives) expect(next).toHaveProperty("slot", run.slot);
          if ("stand" in run && run.stand) expect(next).toHaveProperty("stand", run.stand);
          run = next;
        }
      }),
    );
  });

  it("[51] nothing is published that was not inspected, nor after a stop", () => {
    fc.assert(
      fc.property(history, (facts) => {
        const run = play(facts);
        if (run.at !== "publishing") return;
        expect(facts).toContainEqual(expect.objectContaining({ is: "inspected", tip: run.tip, rebuilt: run.rebuilt }));
        expect(run).not.toHaveProperty("because");
      }),
    );
  });
});
