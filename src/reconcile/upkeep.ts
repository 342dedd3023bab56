import type { RunId } from "../run/identity.ts";
import type { Upkept } from "../run/upkeep.ts";
import { writeNames } from "../sandbox/firewalled-folders.ts";
import { holdNamespace, refreshNamespace } from "../sandbox/namespace.ts";
import { namesFolder } from "../sandbox/ready.ts";
import { noteRefusals, noteTampering } from "../sandbox/refusals.ts";
import type { RunRow } from "../store/queries/runs.ts";
import { furnishDoor } from "./furnish-door.ts";
import type { House } from "./house.ts";
import { lendInside } from "./insider.ts";

/** Looks after what a working run was lent, so that it has it for as long as it works. */
export interface Upkeep {
  see(run: RunId): Upkept | undefined;
  /** Opens the run's door where it is gone, replaces tokens that are about to end, sees that a firewalled sandbox's rules are the ones that
   *  were loaded, freshens what it may reach, and puts on record what it was refused. What fails leaves what stands, and is tried
   *  again: no run ends because its upkeep failed, but for rules that cannot be restored. */
  tend(house: House, run: RunRow): Promise<void>;
  forget(run: RunId): void;
}

/** The addresses of GitHub change within hours; the rules are fresh when a run begins, or when this process does. */
const reachEveryMs = 4 * 60_000;

/** So often in a row the rules may be impossible to look at: nothing is open meanwhile, see sandbox/ways.ts. */
const mostBlindLooks = 3;

export function createUpkeep(): Upkeep {
  const blind = new Map<RunId, number>();
  const upkept = new Map<RunId, Upkept>();
  const reachedAtMs = new Map<RunId, number>();
  /** False where its rules are lost, or nobody can tell any more. */
  const isWalled = async (house: House, run: RunRow): Promise<boolean> => {
    let lost = false;
    const looked = await succeeded(house, run, "rules", async () => {
      const held = await holdNamespace(
        house.engine,
        { instance: house.instance, run: run.id },
        namesFolder(house.runsFolder, run.id),
      );
      lost = held.is === "lost";
      if (!("seen" in held)) return;
      house.log.error({ runId: run.id, seen: held.seen, is: held.is }, "somebody changed a sandbox's firewall");
      await succeeded(house, run, "record", () => noteTampering(house.gateway, run.id, { ...held, atMs: house.nowMs() }));
    });
    blind.set(run.id, looked ? 0 : (blind.get(run.id) ?? 0) + 1);
    return !lost && (blind.get(run.id) ?? 0) < mostBlindLooks;
  };
  return {
    see: (run) => upkept.get(run),
    async tend(house, run) {
      const nowMs = house.nowMs();
      const slot = run.state.at === "working" ? run.state.slot : undefined;
      // First, so that it waits for nobody.
      const unwalled = slot?.mode === "firewalled" && !(await isWalled(house, run));
      const furnished = await succeeded(house, run, "door", () => furnishDoor(house, run));
      const first = !upkept.has(run.id);
      upkept.set(run.id, { atMs: nowMs, failed: !furnished, ...(unwalled && { unwalled }) });
      // Begun again where it broke off with the gateway.
      house.watchers.record(run);
      if (slot?.mode !== "firewalled") return;
      // Exact it is when its door is shut.
      await succeeded(house, run, "refusals", () => noteRefusals(house, run.id, { last: false }));
      await succeeded(house, run, "token inside", () => lendInside(house, run, slot));
      if (first) reachedAtMs.set(run.id, nowMs);
      if (nowMs - (reachedAtMs.get(run.id) ?? 0) < reachEveryMs) return;
      reachedAtMs.set(run.id, nowMs);
      await succeeded(house, run, "reach", () => freshenReach(house, run));
    },
    forget(run) {
      blind.delete(run);
      upkept.delete(run);
      reachedAtMs.delete(run);
    },
  };
}

async function freshenReach(house: House, run: RunRow): Promise<void> {
  const plan = await house.reach.plan();
  // The rules first: no name is answered with an address that they do not let through yet.
  const folder = namesFolder(house.runsFolder, run.id);
  if (await refreshNamespace(house.engine, { owner: { instance: house.instance, run: run.id }, folder, plan }))
    await writeNames(folder, plan);
}

async function succeeded(house: House, run: RunRow, what: string, tend: () => Promise<void>): Promise<boolean> {
  try {
    await tend();
    return true;
  } catch (error) {
    house.log.warn({ err: error, runId: run.id, what }, "upkeep failed");
    return false;
  }
}
