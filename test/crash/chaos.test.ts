import { describe, expect, it } from "vitest";
import { runChaos } from "./chaos.ts";

/** A few of the kills of `npm run chaos`, by the same seed each time: what a change broke is met again. */
describe("an App that is killed again and again", () => {
  it.each(["pglite", "postgres"] as const)("[47] loses, doubles and leaves nothing, on %s", async (store) => {
    const lines: string[] = [];
    const verdict = await runChaos({
      ...{ kills: 5, seed: 7, store, atOnce: 3, signal: AbortSignal.timeout(400_000) },
      onLine: (line) => lines.push(line),
    });
    expect({ ...verdict, faults: [...verdict.faults, ...(verdict.faults.length > 0 ? lines : [])] }).toMatchObject({
      ...{ kills: 5, lost: 0, duplicated: 0, orphans: 0, liveTokens: 0, faults: [] },
      survived: expect.toSatisfy((share: number) => share >= 0.95),
    });
  });
});
