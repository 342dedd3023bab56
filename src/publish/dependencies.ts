import { asRecord } from "./ci/workflow.ts";
import { printable } from "./inspect.ts";
import { type LockedPackage, sourceOf } from "./locks/package.ts";
import { readPnpm } from "./locks/pnpm.ts";
import { readYarn } from "./locks/yarn.ts";

type Reading = (text: string) => LockedPackage[];

/** ◆ Reads lock files of the kinds that are known, by their names. Undefined for every other file. */
export function findLockReader(path: string): Reading | undefined {
  const name = path.split("/").at(-1) ?? "";
  if (name === "package-lock.json" || name === "npm-shrinkwrap.json") return readNpm;
  if (name === "yarn.lock") return readYarn;
  if (name === "pnpm-lock.yaml") return readPnpm;
  if (name === "Cargo.lock" || name === "poetry.lock" || name === "uv.lock") return readTomlLock;
  if (name === "go.sum") return readGoSum;
  return /^requirements[\w-]*\.txt$/.test(name) ? readRequirements : undefined;
}

const shown = 15;

/** ◆ What a change of a lock file brings that was not there before, as lines for people. A file that cannot be read is said to be so. */
export function noteDependencies(path: string, before: string | undefined, after: string | undefined): string[] {
  const read = findLockReader(path);
  if (!read) return [];
  try {
    if (before === undefined || after === undefined) throw new Error("longer than what is read");
    const old = read(before === "" && path.endsWith(".json") ? "{}" : before);
    const now = read(after);
    const known = new Set(old.map(({ name }) => name));
    const fresh = new Map(now.flatMap((each) => (known.has(each.name) ? [] : [[each.name, each] as const])));
    const lines = [...fresh.values()].map(
      ({ name, version, runs }) =>
        `new dependency: ${printable(`${name} ${version}`).slice(0, 120)}${runs ? ", which runs an install script" : ""}`,
    );
    // Those that run something at their installation are what a reader looks for.
    lines.sort((one, other) => Number(other.endsWith("script")) - Number(one.endsWith("script")));
    const more = lines.length > shown ? [`and ${lines.length - shown} more in ${path.slice(0, 120)}`] : [];
    return [...noteSources(old, now), ...lines.slice(0, shown), ...more];
  } catch {
    return [`lock file that cannot be read: ${path.slice(0, 120)}`];
  }
}

/** Packages from where none came before: a known name from a stranger's host is not the known package. */
function noteSources(old: readonly LockedPackage[], now: readonly LockedPackage[]): string[] {
  const known = new Set(old.map(({ source }) => source));
  const fresh = new Map(now.flatMap((each) => (each.source && !known.has(each.source) ? [[each.source, each] as const] : [])));
  const lines = [...fresh].map(
    ([source, { name }]) => `new source of packages: ${printable(`${source}, for ${name}`).slice(0, 120)}`,
  );
  return lines.length > shown ? [...lines.slice(0, shown), `and ${lines.length - shown} more sources`] : lines;
}

function readNpm(text: string): LockedPackage[] {
  const packages = asRecord(asRecord(JSON.parse(text))?.packages) ?? {};
  return Object.entries(packages).flatMap(([place, value]) => {
    const at = place.lastIndexOf("node_modules/");
    const entry = asRecord(value);
    if (at < 0 || !entry) return [];
    // Where it is there, the name is another than the folder's: an alias.
    const name = typeof entry.name === "string" ? entry.name : place.slice(at + "node_modules/".length);
    const source = typeof entry.resolved === "string" && entry.link !== true ? sourceOf(entry.resolved) : undefined;
    const version = String(entry.version ?? "");
    return [{ name, version, runs: entry.hasInstallScript === true, ...(source !== undefined && { source }) }];
  });
}

/** `[[package]]`, then `name = "…"` and `version = "…"`, each on a line of its own. */
function readTomlLock(text: string): LockedPackage[] {
  return text
    .split(/^\[\[package\]\]$/m)
    .slice(1)
    .flatMap((part) => {
      const name = /^name = "([^"\n]+)"/m.exec(part)?.[1];
      return name === undefined ? [] : [{ name, version: /^version = "([^"\n]+)"/m.exec(part)?.[1] ?? "", runs: false }];
    });
}

function readGoSum(text: string): LockedPackage[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", version = ""] = line.split(" ");
    return name === "" ? [] : [{ name, version: version.replace(/\/go\.mod$/, ""), runs: false }];
  });
}

function readRequirements(text: string): LockedPackage[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", version = ""] = /^\s*([A-Za-z0-9][\w.-]*)\s*([^#;]*)/.exec(line) ?? [];
    return name === "" ? [] : [{ name: name.toLowerCase(), version: version.trim(), runs: false }];
  });
}
