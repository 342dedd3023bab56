import type { RunRow } from "../store/queries/runs.ts";
import type { House } from "./house.ts";
import { removeRemains } from "./orphans.ts";

/**
 * A run that begins again since its machine was lost may do so on that very machine, which had only been slow: its old sandbox may still be
 * at work there, and the agent would find tree, session and repository of then. What that stay has on record is kept, nothing else.
 */
export async function beginAnew(
  house: Pick<House, "watchers" | "upkeep" | "gateway" | "engine" | "git" | "instance" | "runsFolder">,
  run: RunRow,
): Promise<void> {
  // They followed what was here before, and wrote in the name of who had the run then.
  house.watchers.forget(run.id);
  house.upkeep.forget(run.id);
  await house.watchers.shut(run);
  house.watchers.forget(run.id);
  await removeRemains(house, run.id);
}
