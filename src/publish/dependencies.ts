import { asRecord } from "./ci/workflow.ts";

/** A package as a lock file names it. `runs`: it brings scripts that its installation runs. */
interface Package {
  name: string;
  version: string;
  runs: boolean;
}

type Reading = (text: string) => Package[];

/** ◆ Reads lock files of the kinds that are known, by their names. Undefined for every other file. */
export function findLockReader(path: string): Reading | undefined {
  const name = path.split("/").at(-1) ?? "";
  if (name === "package-lock.json" || name === "npm-shrinkwrap.json") return readNpm;
  if (name === "Cargo.lock" || name === "poetry.lock" || name === "uv.lock") return readTomlLock;
  if (name === "go.sum") return readGoSum;
  return /^requirements[\w-]*\.txt$/.test(name) ? readRequirements : undefined;
}

const shown = 15;

/** ◆ What a change of a lock file brings that was not there before, as lines for people. A file that cannot be read is said to be so. */
export function noteDependencies(path: string, before: string, after: string): string[] {
  const read = findLockReader(path);
  if (!read) return [];
  try {
    const known = new Set(read(before === "" && path.endsWith(".json") ? "{}" : before).map(({ name }) => name));
    const fresh = new Map(read(after).flatMap((each) => (known.has(each.name) ? [] : [[each.name, each] as const])));
    const lines = [...fresh.values()].map(
      ({ name, version, runs }) =>
        `new dependency: ${`${name} ${version}`.slice(0, 120)}${runs ? ", which runs an install script" : ""}`,
    );
    // Those that run something at their installation are what a reader looks for.
    lines.sort((one, other) => Number(other.endsWith("script")) - Number(one.endsWith("script")));
    const more = lines.length > shown ? [`and ${lines.length - shown} more in ${path.slice(0, 120)}`] : [];
    return [...lines.slice(0, shown), ...more];
  } catch {
    return [`lock file that cannot be read: ${path.slice(0, 120)}`];
  }
}

function readNpm(text: string): Package[] {
  const packages = asRecord(asRecord(JSON.parse(text))?.packages) ?? {};
  return Object.entries(packages).flatMap(([place, value]) => {
    const at = place.lastIndexOf("node_modules/");
    const entry = asRecord(value);
    if (at < 0 || !entry) return [];
    const name = place.slice(at + "node_modules/".length);
    return [{ name, version: String(entry.version ?? ""), runs: entry.hasInstallScript === true }];
  });
}

/** `[[package]]`, then `name = "…"` and `version = "…"`, each on a line of its own. */
function readTomlLock(text: string): Package[] {
  return text
    .split(/^\[\[package\]\]$/m)
    .slice(1)
    .flatMap((part) => {
      const name = /^name = "([^"\n]+)"/m.exec(part)?.[1];
      return name === undefined ? [] : [{ name, version: /^version = "([^"\n]+)"/m.exec(part)?.[1] ?? "", runs: false }];
    });
}

function readGoSum(text: string): Package[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", version = ""] = line.split(" ");
    return name === "" ? [] : [{ name, version: version.replace(/\/go\.mod$/, ""), runs: false }];
  });
}

function readRequirements(text: string): Package[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", version = ""] = /^\s*([A-Za-z0-9][\w.-]*)\s*([^#;]*)/.exec(line) ?? [];
    return name === "" ? [] : [{ name: name.toLowerCase(), version: version.trim(), runs: false }];
  });
}
