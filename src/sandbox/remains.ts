import { engineLabels, parseRunId, type RunId } from "../run/identity.ts";
import type { Engine } from "./engine.ts";

/**
 * The runs and trials of which this engine still has something that `instance` made: container, namespace, network or volume,
 * each by its labels. What another instance made, or nobody says who, is not looked at. Looks only.
 */
export async function observeRemains(engine: Engine, { instance }: { instance: string }): Promise<Set<RunId>> {
  const filters = JSON.stringify({ label: [`${engineLabels.instance}=${instance}`] });
  const [containers, volumes, networks] = await Promise.all([
    engine.docker.listContainers({ all: true, filters }),
    engine.docker.listVolumes({ filters }),
    engine.docker.listNetworks({ filters }),
  ]);
  const labels = [...containers, ...(volumes.Volumes ?? []), ...networks].map((each) => each.Labels ?? {});
  // The engine matched the instance; that it did is not taken on trust, since what is found here is removed.
  const ours = labels.filter((each) => each[engineLabels.instance] === instance);
  return new Set(ours.flatMap((each) => parseRunId(each[engineLabels.run]) ?? []));
}
