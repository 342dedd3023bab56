import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseLine } from "../../../src/agent/lines.ts";
import { beat, firstPulse, isInputDue, type Pulse, paceOf } from "../../../src/agent/pulse.ts";

const fixture = readFileSync(join(import.meta.dirname, "../../fixtures/agent/subagent-and-retries.jsonl"), "utf8")
  .trim()
  .split("\n");

/** A line a second. */
function follow(lines: readonly (string | object)[], from: Pulse = firstPulse): Pulse {
  return lines.reduce<Pulse>((pulse, line) => {
    const parsed = parseLine(typeof line === "string" ? line : JSON.stringify(line));
    return beat(pulse, parsed.from === "agent" ? parsed.line : undefined, pulse.lastAtMs + 1_000);
  }, from);
}
const use = (id: string, input: object, name = "Bash", parent?: string) => ({
  ...{ type: "assistant", message: { content: [{ type: "tool_use", id, name, input }] } },
  ...(parent && { parent_tool_use_id: parent }),
});
const result = (id: string) => ({ type: "user", message: { content: [{ type: "tool_result", tool_use_id: id, content: "x" }] } });
const at = { startedAtMs: 0, deaf: false };

describe("the agent's input", () => {
  it("is ended when it has answered and no subagent is at work, and not at a first answer that comes before", () => {
    const due = fixture.map((_, n) => isInputDue(follow(fixture.slice(0, n + 1)), 0));
    const results = fixture.flatMap((line, n) => (line.includes('"type":"result"') ? [n] : []));
    expect(results).toHaveLength(2);
    expect(due.map((is, n) => (is ? n : -1)).filter((n) => n >= 0)).toEqual(results);
    const busy = { type: "system", subtype: "background_tasks_changed", tasks: [{ task_id: "a" }] };
    const early = follow([busy, { type: "result" }]);
    expect(isInputDue(early, early.lastAtMs + 59_000)).toBe(false);
    expect(isInputDue(early, early.lastAtMs + 60_000)).toBe(true);
    expect(isInputDue(follow([{ ...busy, tasks: [] }], early), 0)).toBe(true);
  });

  it("stays open while it works, also after an answer to an earlier message", () => {
    const working = follow([{ type: "result" }, { type: "system", subtype: "init" }]);
    expect(isInputDue(working, Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(isInputDue(follow([{ type: "result" }, use("1", {})]), 1e12)).toBe(false);
  });
});

describe("the agent's pulse", () => {
  it("counts a call that has not answered as a sign of life for as long as it may take", () => {
    const build = follow([use("1", { command: "make", timeout: 900_000 })]);
    expect(paceOf(build, at).activeUntilMs).toBe(901_000);
    expect(paceOf(follow([result("1")], build), at).activeUntilMs).toBe(2_000);
    // None named: Claude Code's own. More than an hour is nobody's.
    expect(paceOf(follow([use("1", {})]), at).activeUntilMs).toBe(121_000);
    expect(paceOf(follow([use("1", { timeout: 1e15 })]), at).activeUntilMs).toBe(3_601_000);
    expect(paceOf(firstPulse, { ...at, startedAtMs: 77 }).activeUntilMs).toBe(77);
  });

  it("counts the same call in a row, results and words between, and begins anew at another", () => {
    const round = (n: number) => [
      use(`${n}`, { command: "ls" }),
      result(`${n}`),
      { type: "assistant", message: { content: "Hm." } },
    ];
    const times = (pulse: Pulse) => paceOf(pulse, at).repeated.map(({ atMs }) => atMs.length);
    const three = follow([1, 2, 3].flatMap(round));
    expect(times(three)).toEqual([3]);
    expect(times(follow([use("9", { command: "ls -l" })], three))).toEqual([1]);
    expect(times(follow([use("9", { command: "ls" }, "Other")], three))).toEqual([1]);
    // The same file with other text is another call.
    expect(times(follow([use("1", { file_path: "a", content: "1" }), use("2", { file_path: "a", content: "2" })]))).toEqual([1]);
  });

  it("keeps a subagent's calls apart, and does not count waiting", () => {
    const mixed = follow([
      use("1", { c: 1 }),
      use("2", { c: 1 }, "Bash", "task"),
      use("3", { c: 1 }),
      use("4", { c: 1 }, "Bash", "task"),
    ]);
    expect(paceOf(mixed, at).repeated.map(({ atMs }) => atMs.length)).toEqual([2, 2]);
    const polls = Array.from({ length: 30 }, (_, n) => use(`${n}`, { task_id: "x" }, "TaskOutput"));
    expect(paceOf(follow(polls), at).repeated).toEqual([]);
  });

  it("takes whatever is printed, stays small, and never goes back in time", () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom(...fixture),
      fc.record({
        type: fc.constant("assistant"),
        message: fc.record({ content: fc.array(fc.record({ type: fc.constant("tool_use"), input: fc.anything() })) }),
      }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
        const pulse = follow(lines as string[]);
        return pulse.rows.length <= 51 && pulse.open.length <= 200 && pulse.lastAtMs === lines.length * 1_000;
      }),
    );
  });
});
