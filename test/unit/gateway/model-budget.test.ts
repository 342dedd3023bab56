import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { boundInput, outlineOf } from "../../../src/gateway/model/bound.ts";
import { createBudget, decideCost, type Permit } from "../../../src/gateway/model/budget.ts";
import { openLedger } from "../../../src/gateway/model/ledger.ts";
import { addNote, printBudgetNote } from "../../../src/gateway/model/note.ts";
import { createPace } from "../../../src/gateway/model/pace.ts";
import { priceMicroUsd } from "../../../src/gateway/model/price.ts";
import type { RunId } from "../../../src/run/identity.ts";

const run = "aaaaaaaaaaaaaaaa" as RunId;
const never = new AbortController().signal;
const usage = { model: "claude-sonnet-5", inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
const bodyOf = (maxTokens: number, ...texts: string[]) => ({
  model: "claude-sonnet-5",
  max_tokens: maxTokens,
  tools: [{ name: "x", input_schema: {} }],
  messages: texts.map((content) => ({ role: "user", content })) as unknown[],
});

describe("a run's purse", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "airlock-ledger-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const permitted = async (budget: ReturnType<typeof createBudget>, body: Record<string, unknown>): Promise<Permit> => {
    const decision = await budget.ask(body, never);
    if ("permit" in decision) return decision.permit;
    throw new Error(JSON.stringify(decision));
  };

  it("[15] is never overspent, whatever calls are made, also at once, cut, or by a gateway that was killed between", async () => {
    const call = fc.record({ text: fc.string({ maxLength: 400 }), max: fc.integer({ min: 1, max: 3_000 }), end: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(call, { maxLength: 4 }), { maxLength: 12 }), async (rounds) => {
        const limit = { tokens: 20_000, microUsd: 100_000 };
        const name = `r${Math.random()}` as RunId;
        let ledger = openLedger(folder, name);
        for (const [round, calls] of rounds.entries()) {
          const budget = createBudget({ ledger, limit, patienceMs: 1 });
          const decisions = await Promise.all(calls.map(({ text, max }) => budget.ask(bodyOf(max, text), never)));
          for (const [index, decision] of decisions.entries()) {
            const { end = 0, text = "", max = 0 } = calls[index] ?? {};
            // 3: the gateway is killed before it is settled.
            if (!("permit" in decision) || end === 3) continue;
            const inputTokens = Buffer.byteLength(text);
            const told = { ...usage, inputTokens, outputTokens: max };
            if (end === 0) decision.permit.settle({ sent: true, status: 200, usage: told, whole: true });
            if (end === 1) decision.permit.settle({ sent: true, status: 200, usage: { ...told, outputTokens: 1 }, whole: false });
            if (end === 2) decision.permit.settle({ sent: true, whole: false });
          }
          if (round % 3 === 2) ledger = openLedger(folder, name);
        }
        const spent = openLedger(folder, name).spent();
        expect(spent.tokens).toBeLessThanOrEqual(limit.tokens);
        expect(spent.microUsd).toBeLessThanOrEqual(limit.microUsd);
      }),
      { numRuns: 60 },
    );
  });

  it("counts on after a restart, and an unsettled or half-written call as it must", () => {
    const first = openLedger(folder, run);
    first.reserve({ microUsd: 10, tokens: 1 }).settle({ microUsd: 4, tokens: 1 });
    first.reserve({ microUsd: 100, tokens: 10 });
    appendFileSync(join(folder, readdirSync(folder)[0] ?? ""), '{"kind":"reserved","call":3,"micro');
    const second = openLedger(folder, run);
    expect(second.spent()).toEqual({ microUsd: 104, tokens: 11 });
    second.reserve({ microUsd: 1, tokens: 1 }).settle({ microUsd: 1, tokens: 1 });
    expect(openLedger(folder, run).spent()).toEqual({ microUsd: 105, tokens: 12 });
  });

  it("says what is spent when it is empty, and lets a call wait that fits once another has ended", async () => {
    const ledger = openLedger(folder, run);
    const budget = createBudget({ ledger, limit: { tokens: 6_000 } });
    const first = await permitted(budget, bodyOf(3_000, "a"));
    const second = budget.ask(bodyOf(3_000, "b"), never);
    first.settle({ sent: true, status: 200, usage: { ...usage, inputTokens: 10, outputTokens: 10 }, whole: true });
    const permit = await second;
    if (!("permit" in permit)) throw new Error("was not let pass");
    permit.permit.settle({ sent: true, whole: false });
    expect(await budget.ask(bodyOf(3_000, "c"), never)).toMatchObject({
      over: expect.stringMatching(/used up: \d+ of 6000 tokens/),
    });
  });

  it("asks for a shorter answer and tells the agent before it refuses", async () => {
    const ledger = openLedger(folder, run);
    const budget = createBudget({ ledger, limit: { tokens: 100_000 } });
    const permit = await permitted(budget, bodyOf(64_000, "a"));
    permit.settle({ sent: true, status: 200, usage: { ...usage, outputTokens: 60_000 }, whole: true });
    const shortened = await permitted(budget, bodyOf(64_000, "a"));
    expect(shortened.body.max_tokens).toBe(16_000);
    expect(shortened.rule).toBe("model.budget-low");
    expect(JSON.stringify(shortened.body.messages)).toContain("more than 95 % of this run's budget");
    // Thinking must stay below the answer's length: such a request is not shortened under it.
    const thinking = { ...bodyOf(64_000, "a"), thinking: { type: "enabled", budget_tokens: 30_000 } };
    expect(await budget.ask(thinking, AbortSignal.abort())).not.toHaveProperty("permit");
  });

  it("takes what the API counted for the beginning of a conversation, and bytes for the rest", () => {
    const first = outlineOf({ ...bodyOf(10, "x".repeat(5_000)), metadata: { user_id: "1" } });
    const next = outlineOf({ ...bodyOf(20, "x".repeat(5_000), "y".repeat(100)), metadata: { user_id: "2" } });
    const whole = boundInput(next, []);
    expect(whole).toBeGreaterThan(6_000);
    const known = boundInput(next, [{ outline: first, inputTokens: 700 }]);
    expect(known).toBeGreaterThan(1_800);
    expect(known).toBeLessThan(1_900);
    const other = outlineOf(bodyOf(10, "z".repeat(5_000)));
    expect(boundInput(next, [{ outline: other, inputTokens: 1 }])).toBe(whole);
    // A mark for the cache changes nothing in what is read.
    const marked = outlineOf({
      ...bodyOf(10),
      messages: [{ role: "user", content: [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }] }],
    });
    expect(marked.messages).toEqual(
      outlineOf({ ...bodyOf(10), messages: [{ role: "user", content: [{ type: "text", text: "a" }] }] }).messages,
    );
    const page = { type: "document", source: { type: "base64", data: "" } };
    expect(boundInput(outlineOf({ ...bodyOf(10), messages: [{ role: "user", content: [page] }] }), [])).toBe(1_000_000);
  });

  it("charges nothing where nothing can have been thought, and the most where nobody counted", () => {
    const atMost = { ...usage, cacheWriteTokens: 100, outputTokens: 50 };
    const told = { ...usage, inputTokens: 7, outputTokens: 3 };
    expect(decideCost(atMost, { sent: false, whole: false })).toEqual(usage);
    expect(decideCost(atMost, { sent: true, status: 529, whole: false })).toEqual(usage);
    expect(decideCost(atMost, { sent: true, whole: false })).toBe(atMost);
    expect(decideCost(atMost, { sent: true, status: 200, whole: false })).toBe(atMost);
    expect(decideCost(atMost, { sent: true, status: 200, usage: told, whole: true })).toBe(told);
    expect(decideCost(atMost, { sent: true, status: 200, usage: told, whole: false })).toEqual({ ...told, outputTokens: 50 });
  });

  it("takes the dearest known model's price for one that is not known", () => {
    const spent = { ...usage, outputTokens: 1_000 };
    const known = priceMicroUsd(spent);
    const unknown = priceMicroUsd({ ...spent, model: "model-of-tomorrow" });
    expect(known).toMatchObject({ assumed: false });
    expect(unknown.assumed).toBe(true);
    for (const model of ["claude-sonnet-5", "claude-opus-4-8", "claude-opus-4-1", "claude-haiku-4-5"])
      expect(unknown.microUsd).toBeGreaterThanOrEqual(priceMicroUsd({ ...spent, model }).microUsd);
  });

  it("tells the agent at 80 and 95 per cent in a text of its own turn, and leaves side requests alone", () => {
    expect([0.79, 0.8, 0.94, 0.95].map(printBudgetNote)).toEqual([
      undefined,
      expect.stringContaining("80 %"),
      expect.stringContaining("80 %"),
      expect.stringContaining("95 %"),
    ]);
    const body = bodyOf(1, "one", "two");
    body.messages.push({ role: "system", content: "s" });
    expect(addNote(body, "N").messages).toEqual([
      { role: "user", content: "one" },
      {
        role: "user",
        content: [
          { type: "text", text: "two" },
          { type: "text", text: "N" },
        ],
      },
      { role: "system", content: "s" },
    ]);
    expect(addNote({ ...body, tools: [] }, "N")).toEqual({ ...body, tools: [] });
    expect(body.messages[1]).toEqual({ role: "user", content: "two" });
  });
});

describe("a door's pace", () => {
  it("lets so many in at once, the next when one leaves, and those go who no longer wait", async () => {
    const pace = createPace({ atOnce: 1, perMinute: 10 });
    const first = await pace.enter(never);
    const gone = new AbortController();
    const second = pace.enter(gone.signal);
    const third = pace.enter(never);
    gone.abort();
    expect(await second).toMatchObject({ entered: false });
    if (first.entered) first.leave();
    expect(await third).toMatchObject({ entered: true });
  });

  it("[15] refuses with the time to come back what would wait too long", async () => {
    const pace = createPace({ atOnce: 100, perMinute: 3 });
    const entered = await Promise.all([1, 2, 3, 4].map(() => pace.enter(never)));
    expect(entered.map((each) => each.entered)).toEqual([true, true, true, false]);
    expect(entered[3]).toMatchObject({ retryAfterSeconds: 60 });
    const patient = createPace({ atOnce: 1, perMinute: 100, patienceMs: 1 });
    await patient.enter(never);
    expect(await patient.enter(never)).toMatchObject({ entered: false });
  });
});

describe("what a call is reserved", () => {
  const body = (input: unknown) => ({
    ...{ model: "m", max_tokens: 1 },
    messages: [
      { role: "assistant", content: [{ type: "tool_use", id: "a", name: "b", input, cache_control: { type: "ephemeral" } }] },
    ],
  });
  const long = "word ".repeat(100_000);

  it("[15] has what stands under the name of a mark for the cache, however deep in the agent's own data", () => {
    const short = outlineOf(body({ cache_control: "x" }));
    for (const input of [
      { cache_control: long },
      { a: [{ cache_control: { b: long } }] },
      { input: { cache_control: [long] } },
    ]) {
      const outline = outlineOf(body(input));
      expect(boundInput(outline, [])).toBeGreaterThan(500_000);
      expect(boundInput(outline, [{ outline: short, inputTokens: 10 }])).toBeGreaterThan(500_000);
    }
  });

  it("is the same wherever the mark for the cache stands", () => {
    const [marked, other] = [body({ a: 1 }), structuredClone(body({ a: 1 })) as { messages: { content: object[] }[] }];
    for (const { content } of other.messages)
      for (const block of content) delete (block as { cache_control?: unknown }).cache_control;
    expect(outlineOf(marked)).toEqual(outlineOf(other as never));
  });
});
