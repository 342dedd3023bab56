import type { SandboxCheck } from "../run/check.ts";
import { runUids } from "./uids.ts";

/** ◆ Whether an image of the operator's own still is the sandbox that Airlock knows, with more programs in it. */

export interface ImageSight {
  /** Digests of its layers, the lowest first. */
  layers: readonly string[];
  config: ImageConfig;
  /** Path to the digest of its archive, undefined where there is nothing: of `keptPaths`. */
  files: Readonly<Record<string, string | undefined>>;
  /** Path to owner and mode: of `folderPaths`. */
  folders: Readonly<Record<string, string | undefined>>;
  /** Path to text: of `listPaths`. */
  lists: Readonly<Record<string, string>>;
}

/** What the engine tells of an image; null where nothing was said. */
export interface ImageConfig {
  Env?: readonly string[] | null;
  Entrypoint?: string | readonly string[] | null | undefined;
  Volumes?: object | null;
  ExposedPorts?: object | null;
  Healthcheck?: { Test?: readonly string[] | null | undefined } | null | undefined;
  OnBuild?: unknown;
  Labels?: Readonly<Record<string, string>> | null;
}

/** What must be as in our image: content, owner, mode; or absent, as there. A folder counts with all that is in it: what lies in
 *  /usr/local is found before the system's own. One look at the engine each, so there are few. */
export const keptPaths: readonly string[] = [
  ...["/opt/airlock", "/etc/claude-code", "/etc/gitconfig", "/etc/pip.conf", "/.cargo", "/etc/ld.so.preload"],
  ...["/usr/local/bin", "/usr/local/sbin", "/usr/local/etc", "/usr/local/lib/node_modules"],
];

/** What may get more files, and neither another owner nor another mode. */
export const folderPaths: readonly string[] = ["/etc", "/usr/bin"];

/** Where packages may add lines. */
export const listPaths = ["/etc/passwd", "/etc/group"] as const;

export const ownImageCheckNames = ["image.base", "image.configuration", "image.files", "image.accounts"] as const;

/** One check for each of `ownImageCheckNames`. Pure. */
export function ownImageChecks(theirs: ImageSight, ours: ImageSight): SandboxCheck[] {
  const complaints: Record<(typeof ownImageCheckNames)[number], string[]> = {
    "image.base": isOnTop(theirs.layers, ours.layers)
      ? []
      : ["not FROM this version's image: build it again, FROM airlock-sandbox:base"],
    "image.configuration": configuration(theirs.config, ours.config),
    "image.files": [
      ...keptPaths.filter((path) => theirs.files[path] !== ours.files[path]).map((it) => `${it} differs`),
      ...folderPaths
        .filter((path) => ours.folders[path] === undefined || theirs.folders[path] !== ours.folders[path])
        .map((it) => `${it} has another owner or mode`),
      // Our image without them would make any other alike.
      ...(ours.files["/opt/airlock"] === undefined ? ["ours cannot be read"] : []),
    ],
    "image.accounts": listPaths.flatMap((path) => accounts(path, theirs.lists[path] ?? "", ours.lists[path] ?? "")),
  };
  return ownImageCheckNames.map((name) => ({
    ...{ name, side: "outside" as const, ok: complaints[name].length === 0 },
    seen: complaints[name].join(", ").slice(0, 200) || "as ours",
  }));
}

function isOnTop(layers: readonly string[], base: readonly string[]): boolean {
  return base.length > 0 && base.every((digest, at) => layers[at] === digest);
}

function configuration(theirs: ImageConfig, ours: ImageConfig): string[] {
  const some = (of: object | null | undefined) => Object.keys(of ?? {}).length > 0;
  const added = (theirs.Env ?? []).filter((entry) => !(ours.Env ?? []).includes(entry) && entry !== sandboxPath);
  const test = theirs.Healthcheck?.Test ?? [];
  const labels = Object.entries(theirs.Labels ?? {}).filter(
    ([name, value]) => name.startsWith("airlock.") && ours.Labels?.[name] !== value,
  );
  return [
    ...added.map((entry) => `ENV ${entry.split("=")[0]} (the agent's environment is Airlock's own)`),
    ...(some(theirs.Volumes) ? [`VOLUME ${Object.keys(theirs.Volumes ?? {}).join(" ")}`] : []),
    ...(some(theirs.ExposedPorts) ? [`EXPOSE ${Object.keys(theirs.ExposedPorts ?? {}).join(" ")}`] : []),
    ...(some(theirs.OnBuild as object | null | undefined) ? ["ONBUILD"] : []),
    ...(test.length > 0 && test[0] !== "NONE" ? ["HEALTHCHECK"] : []),
    ...(JSON.stringify(theirs.Entrypoint) === JSON.stringify(ours.Entrypoint) ? [] : ["ENTRYPOINT"]),
    ...labels.map(([name]) => `LABEL ${name}`),
  ];
}

/** The environment of the sandbox's first program, whatever the image says. */
export const sandboxPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A package may add an account of its own; none may be root, or one that a run gets. */
function accounts(path: string, theirs: string, ours: string): string[] {
  const lines = (text: string) => text.split("\n").filter(Boolean);
  const known = new Set(lines(ours));
  const found = new Set(lines(theirs));
  const lost = [...known].filter((line) => !found.has(line));
  const wrong = [...found].filter((line) => {
    if (known.has(line)) return false;
    const id = Number(line.split(":")[2] || Number.NaN);
    return !(id > 0) || (id >= runUids.first && id < runUids.first + runUids.count);
  });
  const say = (line: string) => `${path}: ${line.split(":")[0]}`;
  return [...(known.size === 0 ? [`${path} cannot be read`] : []), ...lost.slice(0, 3).map(say), ...wrong.slice(0, 3).map(say)];
}
