import { describe, expect, it } from "vitest";
import { sumUsage } from "../../../src/report/cost.ts";

const usage = { model: "claude-sonnet-4-5", inputTokens: 1_000_000, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };

describe("what a run cost", () => {
  it("sums what the gateway counted", () => {
    const more = { ...usage, inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 4 };
    expect(sumUsage([usage, more])).toMatchObject({
      turns: 2,
      inputTokens: 1_000_001,
      outputTokens: 2,
      cacheReadTokens: 3,
      cacheWriteTokens: 4,
    });
  });

  it("counts cached tokens beside the input, at their own price", () => {
    const plain = sumUsage([usage]).costUsd ?? 0;
    const cached = sumUsage([{ ...usage, cacheReadTokens: 1_000_000 }]).costUsd ?? 0;
    expect(plain).toBeGreaterThan(0);
    expect(cached).toBeGreaterThan(plain);
    expect(cached).toBeLessThan(2 * plain);
  });

  it("is not told where the price of one model is unknown, nor where nothing was counted", () => {
    expect(sumUsage([usage, { ...usage, model: "some-model-of-next-year" }])).not.toHaveProperty("costUsd");
    expect(sumUsage([])).toEqual({ turns: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 });
  });
});
