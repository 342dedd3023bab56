import { scopeOf } from "../github/grant.ts";
import type { Slot } from "../run/state.ts";
import { writeGrant } from "../sandbox/firewalled-folders.ts";
import { grantFolder } from "../sandbox/ready.ts";
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
