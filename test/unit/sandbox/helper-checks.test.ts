import { describe, expect, it } from "vitest";
import { demandSameHelpers, type Helper, observeHelpers } from "../../../src/sandbox/helper-checks.ts";

/** Answers as these processes, one after the other; the last from then on. */
function helper(...pids: (number | undefined)[]): Helper {
  const left = [...pids];
  return {
    ...{ name: "gateway", account: undefined, network: "host", folders: [] },
    health: async () => {
      const pid = left.length > 1 ? left.shift() : left[0];
      return pid === undefined ? undefined : { pid };
    },
  };
}

describe("checks of a sandbox that failed", () => {
  it.each<[string, Helper, string | undefined]>([
    ["count where the helpers are who they were", helper(7), undefined],
    ["say nothing where one of them died and was started again", helper(7, 8), "daemon.away"],
    ["say nothing where one of them is dead", helper(7, undefined), "daemon.away"],
    ["say nothing where one of them came up meanwhile", helper(undefined, 8), "daemon.away"],
  ])("%s", async (_, one, code) => {
    const before = await observeHelpers([one]);
    const demand = demandSameHelpers([one], before);
    if (code === undefined) await demand;
    else await expect(demand).rejects.toMatchObject({ code });
  });
});
