import type { Logger } from "pino";
import type { Gateway } from "../gateway/client.ts";
import type { ModelPolicy } from "../gateway/model/policy.ts";
import type { GitHost } from "../git/client.ts";
import { type Grants, scopeOf } from "../github/grant.ts";
import { readKnownPackages } from "../prepare/packages.ts";
import { openRunDoor } from "../sandbox/ready.ts";
import type { RunRow } from "../store/queries/runs.ts";

export interface DoorParts {
  gateway: Gateway;
  git: GitHost;
  grants: Grants;
  runsFolder: string;
  modelPolicy: ModelPolicy;
  log: Logger;
}

/** Opens the run's door, or finds it open, and tells the gateway what it needs to know of the run: the packages once, and a reader token
 *  that has a good part of its hour left each time. */
export async function furnishDoor(parts: DoorParts, run: RunRow): Promise<void> {
  const limits = "slot" in run.state ? run.state.slot?.limits : undefined;
  const { lacks } = await openRunDoor(parts, { id: run.id, ...(limits && { limits }) });
  if (lacks.packages && "pins" in run.state && run.state.pins)
    await parts.gateway.tellPackages(run.id, await readKnownPackages(parts.git, run.id, run.state.pins.baseSha));
  try {
    const token = await parts.grants.lend("reader", scopeOf(run.id, run.request));
    await parts.gateway.tellReader(run.id, { owner: run.request.owner, name: run.request.name, token });
  } catch (error) {
    // The run goes on without the API: an installation that was made before may not grant these reads.
    parts.log.warn({ err: error, runId: run.id }, "the sandbox cannot read GitHub's API");
  }
}
