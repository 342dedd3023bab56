import { existsSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { expect } from "vitest";
import { observeProcesses } from "../../src/cli/test/processes.ts";
import { engineLabels } from "../../src/run/identity.ts";
import { readPlaceSettings } from "../../src/settings.ts";
import { until } from "./until.ts";

/** Gateway and git hosts of the Airlock that has this data folder. */
export async function helpersOf(dataFolder: string): Promise<string[]> {
  const place = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const root = join(import.meta.dirname, "../..");
  const seen = await observeProcesses({ engineSocket: undefined, temporaryFolder: dataFolder, root, place });
  return seen.filter(({ instance }) => instance === place.instance).map(({ name }) => name);
}

/** Holds that nothing of the Airlock that had this data folder is left in the engine, among processes and sockets. */
export async function expectNothingLeft(dataFolder: string): Promise<void> {
  const { instance, runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const docker = new Docker({ socketPath: "/var/run/docker.sock" });
  const filters = { label: [`${engineLabels.instance}=${instance}`] };
  expect(await docker.listContainers({ all: true, filters })).toEqual([]);
  expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
  expect(existsSync(runtimeFolder), runtimeFolder).toBe(false);
  await until("the end of gateway and git hosts", async () => (await helpersOf(dataFolder)).length === 0, 5_000);
}
