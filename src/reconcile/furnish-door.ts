import type { Gateway } from "../gateway/client.ts";
import type { ModelPolicy } from "../gateway/model/policy.ts";
import type { GitHost } from "../git/client.ts";
import { readKnownPackages } from "../prepare/packages.ts";
import { openRunDoor } from "../sandbox/ready.ts";
import type { RunRow } from "../store/queries/runs.ts";

export interface DoorParts {
  gateway: Gateway;
  git: GitHost;
  runsFolder: string;
  modelPolicy: ModelPolicy;
}

/** Opens the run's door, or finds it open, and tells the gateway what it does not know of the run: at first, and after a gateway that ended. */
export async function furnishDoor(parts: DoorParts, run: RunRow): Promise<void> {
  const { lacks } = await openRunDoor(parts, run.id);
  if (lacks.packages && "pins" in run.state && run.state.pins)
    await parts.gateway.tellPackages(run.id, await readKnownPackages(parts.git, run.id, run.state.pins.baseSha));
}
