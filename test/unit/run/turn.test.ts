import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decidePosition, decideTurns, type InLine, type Placed } from "../../../src/run/turn.ts";
import { runId } from "../../helpers/store.ts";

const here = { machine: "here", labels: ["gpu", "big"] };
const waits = (name: string, change: Partial<InLine> = {}): InLine => ({
  ...{ run: runId(name), repositoryId: 1, priority: 0, needs: [], sinceMs: 100 },
  ...change,
});
const placed = (name: string, repositoryId: number, machine = "here"): Placed => ({ run: runId(name), repositoryId, machine });
const turns = (line: InLine[], of: Partial<Parameters<typeof decideTurns>[0]> = {}) =>
  decideTurns({ line, placed: [], here, limits: { machine: 3 }, ...of });

describe("the line for places", () => {
  it("is by age within one repository", () => {
    const line = [waits("c", { sinceMs: 3 }), waits("a", { sinceMs: 1 }), waits("d", { sinceMs: 4 }), waits("b", { sinceMs: 2 })];
    expect(turns(line)).toEqual(["a", "b", "c"].map(runId));
  });

  it("goes round between repositories: fifty of one do not keep another waiting", () => {
    const many = Array.from({ length: 50 }, (_, n) =>
      waits(`many${"abcdefghij".charAt(n % 10)}${"abcde".charAt(n / 10)}`, { sinceMs: n }),
    );
    const other = waits("other", { repositoryId: 2, sinceMs: 1_000 });
    expect(turns([...many, other]).slice(0, 2)).toEqual([many[0]?.run, other.run]);
    // Nor do those of it that are at work already.
    expect(turns([...many, other], { placed: [placed("x", 1), placed("y", 1, "there")] })[0]).toBe(other.run);
  });

  it("puts priority before both", () => {
    const line = [
      waits("old", { sinceMs: 1 }),
      waits("dear", { priority: 5, sinceMs: 9 }),
      waits("cheap", { priority: -5, repositoryId: 2 }),
    ];
    expect(turns(line, { limits: { machine: 2 } })).toEqual(["dear", "old"].map(runId));
  });

  it("passes over what this machine cannot do, and what is on another one", () => {
    const line = [
      waits("needs", { needs: ["gpu", "tpu"], sinceMs: 1 }),
      waits("there", { machine: "there", sinceMs: 2 }),
      waits("gpu", { needs: ["gpu"], sinceMs: 3 }),
      waits("mine", { machine: "here", sinceMs: 4 }),
    ];
    expect(turns(line)).toEqual(["gpu", "mine"].map(runId));
  });

  it("tells each the place that it gives, not the one of its age", () => {
    const line = [
      waits("first", { sinceMs: 1 }),
      waits("second", { sinceMs: 2 }),
      waits("other", { repositoryId: 2, sinceMs: 3 }),
      waits("dear", { priority: 1, sinceMs: 4 }),
    ];
    const now = [placed("x", 1)];
    const order = turns(line, { placed: now, limits: { machine: 99 } });
    expect(order).toEqual(["dear", "other", "first", "second"].map(runId));
    expect(order.map((run) => decidePosition(run, { line, placed: now }))).toEqual([1, 2, 3, 4]);
    expect(decidePosition(runId("gone"), { line, placed: now })).toBe(0);
  });

  it("never gives more than any limit allows, nor less while somebody could have a place", () => {
    const repository = fc.integer({ min: 1, max: 4 });
    const limit = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(repository, fc.integer({ min: -2, max: 2 })), { maxLength: 20 }),
        fc.array(fc.tuple(repository, fc.constantFrom("here", "there")), { maxLength: 8 }),
        fc.record({ machine: limit, total: limit, repository: limit }),
        (waiting, working, limits) => {
          const letters = "abcdefghijklmnopqrstuvwxyz";
          const line = waiting.map(([repositoryId, priority], n) =>
            waits(`w${letters.charAt(n)}`, { repositoryId, priority, sinceMs: n }),
          );
          const now = working.map(([repositoryId, machine], n) => placed(`p${letters.charAt(n)}`, repositoryId, machine));
          const given = turns(line, { placed: now, limits });
          const countOf = (id: number) =>
            now.filter((each) => each.repositoryId === id).length +
            given.filter((run) => line.find((each) => each.run === run)?.repositoryId === id).length;
          const free = Math.min(
            limits.machine - now.filter(({ machine }) => machine === "here").length,
            limits.total - now.length,
          );
          expect(given.length).toBeLessThanOrEqual(Math.max(0, free));
          expect(new Set(given).size).toBe(given.length);
          for (const run of given)
            expect(countOf(line.find((each) => each.run === run)?.repositoryId ?? 0)).toBeLessThanOrEqual(limits.repository);
          const left = line.filter(({ run }) => !given.includes(run));
          if (given.length < free)
            for (const { repositoryId } of left) expect(countOf(repositoryId)).toBeGreaterThanOrEqual(limits.repository);
        },
      ),
    );
  });
});
