import { stopSeconds } from "../agent/begin.ts";
import type { Fact } from "../run/fact.ts";
import type { Waiting } from "../run/state.ts";
import { removeRunFolder } from "../sandbox/ready.ts";
import { findSandbox, removeSandbox, stopSandbox } from "../sandbox/sandboxes.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { noteMoved } from "./exposure.ts";
import type { House } from "./house.ts";
import { endInside } from "./insider.ts";
import { tellWaiting } from "./tell-waiting.ts";

/**
 * Lets a paused run wait without holding anything that others could use: its sandbox goes, its place and tokens with it. Its volume stays,
 * which has home, working tree and session, and its repository, into which its work is pushed first. Then GitHub shows for what it waits.
 */
export async function putAway(house: House, run: RunRow, state: Waiting): Promise<Fact> {
  const owner = { instance: house.instance, run: run.id };
  const handle = await findSandbox(house.engine, owner);
  if (handle) {
    await stopSandbox(house.engine, handle, { graceMs: (stopSeconds + 3) * 1_000 });
    house.watchers.output(run);
    await house.watchers.drain(run.id);
  }
  await endInside(house, run);
  await noteMoved(house, run);
  await house.watchers.pause(run);
  house.watchers.forget(run.id);
  house.upkeep.forget(run.id);
  await removeSandbox(house.engine, owner, { keepVolume: true });
  await removeRunFolder(house.runsFolder, run.id);
  await tellWaiting(house, run, state.stand.sha);
  await house.grants.revokeAll(run.id);
  return { is: "put-away" };
}
