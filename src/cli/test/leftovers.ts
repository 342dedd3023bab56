import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import Docker from "dockerode";
import { engineLabels } from "../../run/identity.ts";
import { appSocket, type Place } from "../../settings/place.ts";
import { observeProcesses } from "./processes.ts";

/** Something of Airlock's on this machine. */
export interface Trace {
  /** What a person can look for: "volume airlock-…". */
  name: string;
  /** Whose it is, where it tells. */
  instance: string | undefined;
}

export interface TraceSources {
  /** Undefined where there is no engine to ask. */
  engineSocket: string | undefined;
  /** The temporary folder that the tests were given for themselves. */
  temporaryFolder: string;
  /** The checkout: processes that run its code are ours. */
  root: string;
  /** Of this user: beside it lie the sockets of all instances. */
  place: Place;
}

/** In the engine, or anywhere else on the machine. */
export type TracePlace = "engine" | "machine";

/**
 * The names of all traces in `places` that no running App answers for: another Airlock may be at work on this machine meanwhile. Looks
 * only. Compare what was found before the tests with what is found after.
 */
export async function observeTraces(
  sources: TraceSources,
  places: readonly TracePlace[] = ["engine", "machine"],
): Promise<Set<string>> {
  const socketFolders = dirname(sources.place.runtimeFolder);
  const onMachine = () => [
    list(sources.temporaryFolder, (path) => ({ name: `folder ${path}`, instance: undefined })),
    list(socketFolders, (path) => ({ name: `sockets ${path}`, instance: basename(path) })),
    observeProcesses(sources),
  ];
  const found = await Promise.all([
    ...(places.includes("engine") ? [observeEngine(sources.engineSocket)] : []),
    ...(places.includes("machine") ? onMachine() : []),
  ]);
  const traces = found.flat();
  const instances = [...new Set(traces.flatMap(({ instance }) => instance ?? []))];
  const answers = await Promise.all(
    instances.map((instance) => appAnswers({ ...sources.place, runtimeFolder: join(socketFolders, instance) })),
  );
  const alive = new Set(instances.filter((_, at) => answers[at]));
  return new Set(traces.filter(({ instance }) => instance === undefined || !alive.has(instance)).map(({ name }) => name));
}

async function observeEngine(socketPath: string | undefined): Promise<Trace[]> {
  if (socketPath === undefined) return [];
  const docker = new Docker({ socketPath });
  const label = [engineLabels.instance, engineLabels.run, engineLabels.role];
  // The engine joins several labels by "and", so each is asked for by itself.
  const answers = await Promise.all(
    label.map(async (each): Promise<Trace[]> => {
      const filters = { label: [each] };
      const [containers, { Volumes }] = await Promise.all([
        docker.listContainers({ all: true, filters }),
        docker.listVolumes({ filters }),
      ]);
      return [
        ...containers.map(({ Names, Id, Labels }) => ({
          name: `container ${Names[0]?.slice(1) ?? Id}`,
          instance: Labels[engineLabels.instance],
        })),
        ...(Volumes ?? []).map(({ Name, Labels }) => ({ name: `volume ${Name}`, instance: Labels?.[engineLabels.instance] })),
      ];
    }),
  );
  return answers.flat();
}

/** Caches that tools keep in the temporary folder by themselves. */
const caches = new Set(["node-compile-cache", "v8-compile-cache-0"]);

async function list(folder: string, toTrace: (path: string) => Trace): Promise<Trace[]> {
  try {
    return (await readdir(folder)).filter((name) => !caches.has(name)).map((name) => toTrace(join(folder, name)));
  } catch {
    // A folder that is not there holds nothing.
    return [];
  }
}

async function appAnswers(place: Place): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(appSocket(place));
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  const answers = await promise;
  socket.destroy();
  return answers;
}
