import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { House } from "../../../src/reconcile/house.ts";
import { createPerform } from "../../../src/reconcile/perform.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { requestOf, runId, sha } from "../../helpers/store.ts";

it("a run that begins again on the machine that had only been slow finds nothing of its earlier stay there", async () => {
  const runsFolder = await mkdtemp(join(tmpdir(), "airlock-runs-"));
  const done: string[] = [];
  let volumes = [{ Name: "old", Mountpoint: "/nowhere" }];
  const docker = {
    listContainers: async () => [],
    listNetworks: async () => [],
    listVolumes: async () => ({ Volumes: volumes }),
    getVolume: (name: string) => ({
      remove: async () => {
        done.push(`volume ${name}`);
        volumes = [];
      },
    }),
  };
  const house = {
    ...{ runsFolder, instance: "i", engine: { docker } },
    watchers: { forget: () => done.push("forget"), shut: async () => void done.push("shut") },
    upkeep: { forget: () => {} },
    gateway: {
      closeDoor: async () => ({ lastSeq: 3 }),
      acknowledge: async (_: string, seq: number) => done.push(`record ${seq}`),
    },
    git: { removeRun: async () => void done.push("repository") },
    // The first that its preparation needs: enough is seen by then.
    grants: { mint: async () => Promise.reject(new Error("prepared from here on")) },
    app: {},
  } as unknown as House;
  const state = {
    ...{ at: "preparing", pins: { targetBranch: "main", baseSha: sha("a") }, slot: { uid: 700_001 } },
    stand: { branch: "agent/issue-1", sha: sha("b"), startCommit: true, checkRunId: 1 },
    earlier: { sandboxes: 1, lost: 1, workedMs: 0, waitedMs: 0 },
  };
  const run = { id: runId("anew"), request: requestOf(1), fence: 3, state } as unknown as RunRow;
  const { prepare } = createPerform(house);
  await expect(prepare(run, { do: "prepare" })).rejects.toThrow();
  expect(done).toEqual(["forget", "shut", "forget", "volume old", "record 3", "repository"]);
  // One that begins for the first time has nothing to lose.
  done.length = 0;
  await expect(prepare({ ...run, state: { ...state, earlier: undefined } } as never, { do: "prepare" })).rejects.toThrow();
  expect(done).toEqual([]);
  await rm(runsFolder, { recursive: true });
});
