import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findAnswer, parseEvents, type TranscriptEvent } from "../../../src/agent/events.ts";

const read = (line: string, place = "1") => parseEvents({ line, place, atMs: 5 });
const readValue = (value: unknown) => read(JSON.stringify(value));
/** What Claude Code 2.1.331 printed, recorded. */
const recorded = (name: string) =>
  readFileSync(new URL(`../../fixtures/agent/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .flatMap((line, index) => read(line, String(index)));
const short = (event: TranscriptEvent) => [event.kind, event.tool ?? event.text.slice(0, 60)];

describe("recorded conversations", () => {
  it("tells the demo's job as it went", () => {
    const events = recorded("demo-job");
    expect(events.map(short).slice(0, 4)).toEqual([
      ["note", "Claude Code is ready, model claude-opus-5-5"],
      ["say", "I'll look at the project first."],
      ["tool", "Bash"],
      ["tool-result", expect.stringContaining("init")],
    ]);
    expect(events.filter((event) => event.kind === "tool").at(-1)?.input).toContain("git commit");
    expect(events.at(-1)?.kind).toBe("end");
    expect(findAnswer(events)).toContain("Verified with `node --test`");
    expect(events.filter((event) => event.kind === "unknown")).toEqual([]);
  });

  it("marks what a subagent said, and tells retries in words", () => {
    const events = recorded("subagent-and-retries");
    expect(events.filter((event) => event.nested).map((event) => event.kind)).toEqual(["say"]);
    const notes = events.filter((event) => event.kind === "note").map((event) => event.text);
    expect(notes).toContain("The model API did not answer (status 429); try 1 of 10 in 566 ms");
    expect(notes).toContain("The model API did not answer (the connection broke); try 3 of 10 in 2129 ms");
    expect(events.filter((event) => event.kind === "unknown")).toEqual([]);
  });

  it("gives each event an id of its own, the same whenever the log is read", () => {
    const ids = recorded("demo-job").map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(recorded("demo-job").map((event) => event.id)).toEqual(ids);
  });
});

describe("a line", () => {
  it("of the sandbox's own program is a note, and failed where it says so", () => {
    expect(readValue({ airlock: "cloned", head: "abc" })).toMatchObject([
      { kind: "note", text: 'sandbox: cloned {"head":"abc"}' },
    ]);
    expect(readValue({ airlock: "failed", step: "clone" })).toMatchObject([{ kind: "note", failed: true }]);
  });

  it("without an id of its own is known by its place and text", () => {
    const ids = [read("same", "1"), read("same", "2"), read("other", "1"), read("same", "1")].map(([event]) => event?.id);
    expect(ids[0]).toBe(ids[3]);
    expect(new Set(ids).size).toBe(3);
  });

  it("with an id that is none is known the same way, so that hostile ids reach no key", () => {
    const event = readValue({ type: "assistant", uuid: "'; drop --", message: { content: "x" } })[0];
    expect(event?.id).toMatch(/^[0-9a-f]{32}$/);
  });

  it("with several parts gives several events", () => {
    const content = [
      { type: "thinking", thinking: "hm" },
      { type: "text", text: "a" },
      { type: "tool_use", name: "Read", input: { file_path: "/work/repo/x" } },
      { type: "tool_use", name: "Odd", input: { deep: { a: 1 } } },
    ];
    expect(readValue({ type: "assistant", message: { content } })).toMatchObject([
      { kind: "think", text: "hm" },
      { kind: "say", text: "a" },
      { kind: "tool", tool: "Read", input: "/work/repo/x" },
      { kind: "tool", tool: "Odd", input: '{"deep":{"a":1}}' },
    ]);
  });

  it("that ends the conversation with an error is failed, and no answer", () => {
    const events = readValue({ type: "result", subtype: "success", is_error: true, result: "API Error: 402" });
    expect(events).toMatchObject([{ kind: "end", failed: true, text: "API Error: 402" }]);
    expect(findAnswer(events)).toBeUndefined();
  });

  it("about a limit says until when; an allowed rate is no news", () => {
    const limit = (status: string) =>
      readValue({ type: "rate_limit_event", rate_limit_info: { status, resetsAt: 1_795_563_734 } });
    expect(limit("rejected")[0]?.text).toContain("until 2026-11-24T");
    expect(limit("allowed")).toEqual([]);
    expect(readValue({ type: "rate_limit_event", rate_limit_info: { status: "rejected", resetsAt: 1e300 } })[0]?.text).toContain(
      "rejected",
    );
  });

  it("of a kind that nobody knows is shown, not lost; an empty one is nothing", () => {
    expect(readValue({ type: "brand_new", x: 1 })).toMatchObject([{ kind: "unknown", text: '{"type":"brand_new","x":1}' }]);
    expect(read("plain words")).toMatchObject([{ kind: "unknown", text: "plain words" }]);
    expect(read("  ")).toEqual([]);
  });

  it("keeps working where a field that is not needed has another type than today", () => {
    expect(readValue({ type: "system", subtype: "init", model: { id: 1 }, description: 4 })).toMatchObject([{ kind: "note" }]);
  });
});

describe("hostile lines", () => {
  it("carry no terminal escapes, controls or reordering marks", () => {
    const text = "a\u001b]8;;https://evil\u0007b\u001b[31mc\u009b1md\u0000e\u202ef\rg\u0085";
    expect(readValue({ type: "assistant", message: { content: [{ type: "text", text }] } })[0]?.text).toBe("abcdef\ng");
  });

  it("never throw, and stay within bounds", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(
        "x".repeat(40_000),
        "\u001b[".repeat(9_000),
        "\ud83d",
        "assistant",
        "user",
        "system",
        "result",
        "init",
        "text",
        "tool_use",
      ),
    );
    const key = fc.constantFrom(
      "type",
      "subtype",
      "message",
      "content",
      "uuid",
      "airlock",
      "text",
      "name",
      "input",
      "command",
      "result",
      "is_error",
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        word,
        fc.integer(),
        fc.constant(null),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(key, tie("tree"), { maxKeys: 6 }),
      ),
    }));
    const line = fc.oneof(
      word,
      tree.map((value) => JSON.stringify(value)),
      fc.dictionary(key, tree).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(line, (given) => {
        for (const event of read(given)) {
          expect(event.text.length).toBeLessThanOrEqual(16_000);
          expect(event.input?.length ?? 0).toBeLessThanOrEqual(2_000);
          expect(event.tool?.length ?? 0).toBeLessThanOrEqual(80);
          expect(`${event.text}${event.tool}${event.input}`).not.toMatch(/(?!\n|\t)\p{Cc}/u);
          expect(`${event.text}${event.tool}${event.input}`.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("with ten thousand parts give a bounded number of events", () => {
    const content = Array.from({ length: 10_000 }, () => ({ type: "text", text: "x" }));
    expect(readValue({ type: "assistant", message: { content } }).length).toBeLessThanOrEqual(200);
  });

  it("that are deep or long are answered soon", () => {
    expect(read(`${"[".repeat(200_000)}`)).toMatchObject([{ kind: "unknown" }]);
    expect(read(`{"type":"assistant","message":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`)).toMatchObject([
      { kind: "unknown" },
    ]);
    expect(read("y".repeat(20_000_000))[0]?.text).toContain("the rest is left out");
  });
});
