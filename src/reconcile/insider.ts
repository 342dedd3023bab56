import { scopeOf } from "../github/grant.ts";
import type { Slot } from "../run/state.ts";
import { writeGrant, writeNames } from "../sandbox/firewalled-folders.ts";
import { refreshNamespace } from "../sandbox/namespace.ts";
import { grantFolder, namesFolder } from "../sandbox/ready.ts";
import type { RunRow } from "../store/queries/runs.ts";
import type { House } from "./house.ts";

/** Gives a firewalled sandbox its one token, or the next one where that is about to die. Does nothing for a sealed one. */
export async function lendInside(house: House, run: RunRow, slot: Slot): Promise<void> {
  if (slot.mode !== "firewalled") return;
  const token = await house.grants.lend("insider", scopeOf(run.id, run.request));
  await writeGrant(grantFolder(house.runsFolder, run.id), { token, gid: slot.uid });
}

/**
 * Kills the token that was inside as soon as the agent has ended: inspecting, publishing and a person's word may take days. Where GitHub
 * cannot be reached the run goes on, and the token dies when it closes or rests, by the sweep, or of age.
 */
export async function endInside(house: House, run: RunRow): Promise<void> {
  try {
    await house.grants.revokeAll(run.id, "insider");
  } catch (error) {
    house.log.warn({ err: error, runId: run.id }, "the token inside is not revoked yet");
  }
}

/** While a firewalled run works: addresses change, and a token ends after an hour (it is
 *  replaced when it has under five minutes left, which the interval must not miss). What fails here leaves what stands, and is tried again. */
export function createReachKeeper(everyMs = 4 * 60_000): (house: House, run: RunRow) => Promise<void> {
  const lastMs = new Map<string, number>();
  return async (house, run) => {
    const slot = "slot" in run.state ? run.state.slot : undefined;
    if (slot?.mode !== "firewalled") return;
    const nowMs = house.nowMs();
    // The rules are fresh when a run begins, or when this process does.
    if (nowMs - (lastMs.get(run.id) ?? lastMs.set(run.id, nowMs).get(run.id) ?? nowMs) < everyMs) return;
    lastMs.set(run.id, nowMs);
    try {
      await lendInside(house, run, slot);
      const plan = await house.reach.plan();
      // The rules first: no name is answered with an address that they do not let through yet.
      if (await refreshNamespace(house.engine, run.id, plan)) await writeNames(namesFolder(house.runsFolder, run.id), plan);
    } catch (error) {
      house.log.warn({ err: error, runId: run.id }, "what the sandbox may reach is not fresh");
    }
  };
}
