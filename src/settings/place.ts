import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { Fault } from "../fault.ts";
import type { Environment } from "./environment.ts";

/** Where one Airlock keeps what is its own. Nothing here is made by reading it. */
export interface Place {
  /** The data folder, absolute: store, run repositories, registration. */
  folder: string;
  /** 12 hex digits that tell this Airlock from others on the same machine and engine. */
  instance: string;
  /** Sockets and what must not survive a reboot. Short: a Unix socket's path ends at 107 bytes. */
  runtimeFolder: string;
}

/** The same folder gives the same instance, by whatever path it is reached. */
export function instanceOf(dataFolder: string): string {
  return createHash("sha256")
    .update(realPath(resolve(dataFolder)))
    .digest("hex")
    .slice(0, 12);
}

/** The App's local door (mode 0600) for commands on the same machine. */
export function appSocket(place: Place): string {
  return join(place.runtimeFolder, "app.sock");
}

/** `folder` beats AIRLOCK_DATA. Throws Fault "settings.AIRLOCK_DATA". */
export function readPlace(
  environment: Environment,
  { cwd, isRoot, folder }: { cwd: string; isRoot: boolean; folder?: string },
): Place {
  const chosen = resolve(cwd, folder ?? environment.find("AIRLOCK_DATA")?.text ?? defaultDataFolder(environment, isRoot));
  // Making folders in the kernel's own file systems can hang for ever.
  if (/^\/(proc|sys)(\/|$)/.test(chosen))
    throw new Fault("settings.AIRLOCK_DATA", `${chosen} cannot hold a data folder`, {
      remedy: "Set AIRLOCK_DATA to a folder on a disk",
    });
  const instance = instanceOf(chosen);
  return { folder: chosen, instance, runtimeFolder: runtimeFolderOf({ environment, isRoot, folder: chosen, instance }) };
}

function defaultDataFolder(environment: Environment, isRoot: boolean): string {
  if (isRoot) return "/var/lib/airlock";
  const state = environment.find("XDG_STATE_HOME")?.text;
  if (state && isAbsolute(state)) return join(state, "airlock");
  const home = environment.find("HOME")?.text;
  if (home) return join(home, ".local/state/airlock");
  throw new Fault("settings.AIRLOCK_DATA", "AIRLOCK_DATA is not set, and there is no home folder to default to", {
    remedy: "Set AIRLOCK_DATA to a folder that the user who starts Airlock owns",
  });
}

function runtimeFolderOf({
  environment,
  isRoot,
  folder,
  instance,
}: {
  environment: Environment;
  isRoot: boolean;
  folder: string;
  instance: string;
}): string {
  if (isRoot) return join("/run/airlock", instance);
  const runtime = environment.find("XDG_RUNTIME_DIR")?.text;
  const chosen = runtime && isAbsolute(runtime) ? join(runtime, "airlock", instance) : join(folder, "run");
  // The longest socket below it adds some forty bytes for the run's id and the door.
  if (Buffer.byteLength(chosen) <= 64) return chosen;
  throw new Fault("settings.AIRLOCK_DATA", `the path of the socket folder is too long for Unix sockets: ${chosen}`, {
    remedy: "Choose an AIRLOCK_DATA of at most 60 characters, or set XDG_RUNTIME_DIR",
  });
}

/** The real path of what exists of it, with the rest put back: the folder may not have been made yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
