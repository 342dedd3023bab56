import { pino } from "pino";
import { expect, it } from "vitest";
import { Fault } from "../../../src/fault.ts";
import type { House } from "../../../src/reconcile/house.ts";
import { createPerform } from "../../../src/reconcile/perform.ts";
import type { Run } from "../../../src/run/state.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { httpError } from "../../helpers/http-error.ts";
import { requestOf, runId, sha } from "../../helpers/store.ts";

const stand = { branch: "b", sha: sha("a"), startCommit: true, checkRunId: 1 };
const pins = { targetBranch: "main", baseSha: sha("b") };
const held: Run = { at: "held", pins, stand, tip: sha("d"), rebuilt: sha("e"), why: [], heldUntilMs: 9 };
const moved = new Fault("github.redirected", "It has moved", { remedy: "x" });

/** Held work whose machine is silent, as it is told to GitHub. Answers what was told. */
async function report(error: unknown, tries = 0): Promise<string[]> {
  const told: string[] = [];
  const house = {
    db: {},
    app: { throttle: { tell() {} } },
    log: pino({ level: "silent" }),
    nowMs: () => 1,
    teller: {
      check: async () => void told.push("check"),
      comment: async () => {
        throw error;
      },
      remember: async () => void told.push("remembered"),
    },
  } as unknown as House;
  const run = { id: runId("report"), request: requestOf(1), state: held, tries, reported: "x" } as unknown as RunRow;
  await createPerform(house).report(run, { do: "report" });
  return told;
}

it.each([
  ["is locked", httpError(403, { message: "Unable to create comment because issue is locked." }), 0],
  ["was deleted", httpError(410), 0],
  ["was transferred, as is found at the second try", moved, 1],
])("an issue that %s takes no held work and no place in the queue away", async (_, error, tries) => {
  expect(await report(error, tries)).toEqual(["check", "remembered"]);
});

it.each([
  ["GitHub is away", httpError(502), 0],
  ["the repository may have moved", moved, 0],
])("what could not be told because %s is tried again", async (_, error, tries) => {
  await expect(report(error, tries)).rejects.toBe(error);
});
