import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines } from "../../src/lines.ts";

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  async function* stream() {
    yield* chunks;
  }
  return Array.fromAsync(readLines(stream()));
}

describe("lines", () => {
  it("end at a line feed, and nowhere else, however the stream is cut", async () => {
    const line = fc.string({ unit: fc.constantFrom("a", "\u2028", "\u2029", "\u0085", "\r", "\v", "é", "🛫") });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(400)), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        expect(await linesOf(at.slice(1).map((to, index) => bytes.subarray(at[index], to)))).toEqual(lines);
      }),
    );
  });

  it("has what comes after the last line's end", async () => {
    expect(await linesOf([Buffer.from("one\nha"), Buffer.from("lf")])).toEqual(["one", "half"]);
    expect(await linesOf([])).toEqual([]);
  });
});
