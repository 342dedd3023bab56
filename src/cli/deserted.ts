import { rm } from "node:fs/promises";
import type { Engine } from "../sandbox/engine.ts";
import { observeRemains } from "../sandbox/remains.ts";
import { removeSandbox } from "../sandbox/sandboxes.ts";
import { readPlaceSettings } from "../settings.ts";
import { findDeserted } from "./temporary.ts";

/** Data folders of Airlocks that live no longer than the command that made them. */
export const housePrefix = "airlock-house-";
export const internetPrefix = "airlock-internet-";

/**
 * Removes what commands with a local GitHub left when they were killed: nobody starts on their data folder again, so no App finds
 * it. A folder whose process is alive, or of which that cannot be known, is left alone. Idempotent; two may do it at once.
 */
export async function sweepDeserted(engine: Engine): Promise<void> {
  for (const dataFolder of await findDeserted(housePrefix)) await removeHouse(engine, dataFolder);
  const internets = await findDeserted(internetPrefix);
  if (internets.length === 0) return;
  const { removeLocalInternet } = await import("../local/internet/remove.ts");
  for (const folder of internets) await removeLocalInternet(folder);
}

/** Removes all that an Airlock on this data folder has made, and the folder. For one that is dead. Idempotent. */
export async function removeHouse(engine: Engine, dataFolder: string): Promise<void> {
  const { instance, runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  for (const run of await observeRemains(engine, { instance })) await removeSandbox(engine, { instance, run });
  // Gateway and git hosts leave by themselves when the folder of their sockets is gone; until then they may still write.
  await rm(runtimeFolder, { recursive: true, force: true });
  await rm(dataFolder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}
