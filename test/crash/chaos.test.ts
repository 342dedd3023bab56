import { describe, expect, it } from "vitest";
import { openTestEngine } from "../helpers/sandbox-fixture.ts";
import { openSecondEngine } from "../helpers/second-engine.ts";
import { runChaos } from "./chaos.ts";

/**
 * A few of the kills of `npm run chaos`, by the same seeds each time: what a change broke is met again. The seeds are chosen so that those
 * kills meet App, gateway, engine and machine in the one, and App, git host, database connection and server in the other.
 */
describe("an App that is killed again and again, with what it works with", { timeout: 450_000 }, () => {
  it.concurrent.each([
    ["pglite", 1246, "own"],
    ["postgres", 1629, "machine"],
  ] as const)("[47] loses, doubles and leaves nothing, on %s", async (store, seed, engine) => {
    await using held = new AsyncDisposableStack();
    const { engine: from, imageId } = await openTestEngine();
    const tag = (await from.docker.getImage(imageId).inspect()).RepoTags.find((name) => !name.endsWith(":base"));
    // Only one of our own may be killed.
    const second = engine === "own" ? held.use(await openSecondEngine({ from, imageId: tag ?? imageId })) : undefined;
    const lines: string[] = [];
    const verdict = await runChaos({
      ...{ kills: 5, seed, store, atOnce: 3, signal: AbortSignal.timeout(400_000) },
      ...(second && { second }),
      onLine: (line) => lines.push(line),
    });
    expect({ ...verdict, faults: [...verdict.faults, ...(verdict.faults.length > 0 ? lines : [])] }).toMatchObject({
      ...{ kills: 5, lost: 0, duplicated: 0, orphans: 0, liveTokens: 0, faults: [] },
      survived: expect.toSatisfy((share: number) => share >= 0.95),
    });
    // A change of the run without a named point is not tried before and after it.
    expect(lines.find((line) => line.startsWith("changes without a point"))).toBe("changes without a point: none");
  });
});
