import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideLimitedUntil, openProviderLimit } from "../../../src/gateway/model/limit.ts";

const nowMs = Date.UTC(2026, 10, 26, 12);

describe("what the model API says of its limits", () => {
  it.each<[string, number, Record<string, string>, number | undefined]>([
    ["a span in seconds", 429, { "retry-after": "3600" }, nowMs + 3_600_000],
    ["a date", 429, { "retry-after": "Thu, 26 Nov 2026 13:00:00 GMT" }, nowMs + 3_600_000],
    ["a subscription's window", 429, { "anthropic-ratelimit-unified-reset": `${nowMs / 1_000 + 7_200}` }, nowMs + 7_200_000],
    [
      "the later of both",
      429,
      { "retry-after": "90", "anthropic-ratelimit-unified-reset": `${nowMs / 1_000 + 100}` },
      nowMs + 100_000,
    ],
    ["a moment", 429, { "retry-after": "29" }, undefined],
    ["nothing", 429, {}, undefined],
    ["nonsense", 429, { "retry-after": "soon", "anthropic-ratelimit-unified-reset": "1e99" }, undefined],
    ["the end of time, which is cut", 429, { "retry-after": "999999999" }, nowMs + 8 * 24 * 3_600_000],
    ["something beside another status", 500, { "retry-after": "3600" }, undefined],
  ])("%s", (_, status, headers, untilMs) => {
    expect(decideLimitedUntil({ status, headers }, nowMs)).toBe(untilMs);
  });

  it("is a time from now on, or nothing, whatever the headers say", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (after, reset) => {
        const headers = { "retry-after": after, "anthropic-ratelimit-unified-reset": reset };
        const untilMs = decideLimitedUntil({ status: 429, headers }, nowMs) ?? nowMs;
        expect(untilMs).toBeGreaterThanOrEqual(nowMs);
        expect(untilMs).toBeLessThanOrEqual(nowMs + 8 * 24 * 3_600_000);
      }),
    );
  });
});

describe("an API that is overloaded", () => {
  const overloaded = { status: 529, headers: {} };

  it("is left alone for a while once it has been so for a minute, and not before", () => {
    let now = nowMs;
    const limit = openProviderLimit(undefined, () => now);
    for (let n = 0; n < 6; n++, now += 10_000) limit.note(overloaded);
    expect(limit.untilMs()).toBeUndefined();
    limit.note(overloaded);
    expect(limit.untilMs()).toBe(now + 120_000);
    now += 120_000;
    expect(limit.untilMs()).toBeUndefined();
  });

  it("is not where an answer came in between", () => {
    let now = nowMs;
    const limit = openProviderLimit(undefined, () => now);
    for (let n = 0; n < 20; n++, now += 10_000) limit.note(n % 4 === 3 ? { status: 200, headers: {} } : overloaded);
    expect(limit.untilMs()).toBeUndefined();
  });
});

describe("a limit that was met", () => {
  it("is remembered over the gateway's end, for the same key only", () => {
    const folder = mkdtempSync(join(tmpdir(), "alm-"));
    try {
      const file = join(folder, "limit.json");
      const of = (keyDigest: string) => openProviderLimit({ file, keyDigest }, () => nowMs);
      expect(of("a").untilMs()).toBeUndefined();
      of("a").note({ status: 429, headers: { "retry-after": "600" } });
      expect(of("a").untilMs()).toBe(nowMs + 600_000);
      expect(of("b").untilMs()).toBeUndefined();
      writeFileSync(file, "{");
      expect(of("a").untilMs()).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
