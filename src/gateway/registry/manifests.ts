/** ◆ Names of packages in the lock files and manifests of four ecosystems. Reads only what it needs of each format, in linear time; a
 *  file that is not what its name says gives fewer names, never an error. */
import { canonicalName, type Ecosystem, ecosystems, type KnownPackages } from "./known.ts";

/** Longest part of one file that is read. */
export const manifestLimitBytes = 8 * 1024 * 1024;
const mostNames = 20_000;

/** Whether a path, as git prints it, is one that `readManifest` understands. */
export function isManifest(path: string): boolean {
  if (/(?:^|\/)node_modules\//.test(path)) return false;
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (
    Object.hasOwn(readers, name) ||
    /^requirements[\w.-]*\.(?:txt|in)$/.test(name) ||
    /(?:^|\/)requirements\/[\w.-]+\.(?:txt|in)$/.test(path)
  );
}

/** All names of these files together; each ecosystem's list is sorted and capped. */
export function readManifests(files: readonly { path: string; text: string }[]): KnownPackages {
  const found: Found = { npm: new Set(), pypi: new Set(), crates: new Set(), go: new Set(), goSums: new Map() };
  for (const { path, text } of files) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    (reader ?? readRequirements)(text.slice(0, manifestLimitBytes), found);
  }
  const list = (of: Ecosystem) => [...found[of]].sort().slice(0, mostNames);
  const names = Object.fromEntries(ecosystems.map((of) => [of, list(of)])) as Record<Ecosystem, string[]>;
  return { names, goSums: Object.fromEntries([...found.goSums].slice(0, 2 * mostNames)) };
}

type Found = Record<Ecosystem, Set<string>> & { goSums: Map<string, string> };
type Reader = (text: string, found: Found) => void;

const readers: Readonly<Record<string, Reader>> = {
  "package.json": readPackageJson,
  "package-lock.json": readNpmLock,
  "npm-shrinkwrap.json": readNpmLock,
  "pyproject.toml": readPyproject,
  "poetry.lock": (text, found) => readTomlNames(text, "pypi", found),
  "uv.lock": (text, found) => readTomlNames(text, "pypi", found),
  "Cargo.lock": (text, found) => readTomlNames(text, "crates", found),
  "Cargo.toml": readCargoToml,
  "go.mod": readGoMod,
  "go.sum": readGoSum,
};

function readPackageJson(text: string, found: Found): void {
  const json = parseJson(text);
  for (const field of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"])
    for (const [name, wish] of Object.entries(recordOf(json[field]))) {
      found.npm.add(name);
      // "npm:other@1" installs another package under this name.
      const alias = /^npm:((?:@[^@/]+\/)?[^@/]+)/.exec(String(wish))?.[1];
      if (alias) found.npm.add(alias);
    }
}

function readNpmLock(text: string, found: Found): void {
  const json = parseJson(text);
  for (const [path, entry] of Object.entries(recordOf(json.packages))) {
    const at = path.lastIndexOf("node_modules/");
    const name = recordOf(entry).name;
    if (typeof name === "string" && at >= 0) found.npm.add(name);
    else if (at >= 0) found.npm.add(path.slice(at + "node_modules/".length));
  }
  const pending = [json.dependencies];
  for (let seen = 0; pending.length > 0 && seen < mostNames; seen++)
    for (const [name, entry] of Object.entries(recordOf(pending.pop()))) {
      found.npm.add(name);
      const { dependencies } = recordOf(entry);
      if (dependencies) pending.push(dependencies);
    }
}

function readRequirements(text: string, found: Found): void {
  for (const line of text.split("\n")) addRequirement(line, found);
}

function addRequirement(line: string, found: Found): void {
  const name = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?)\s*(?:$|[[=<>!~;@#,\\ ])/.exec(line)?.[1];
  if (name) found.pypi.add(canonicalName("pypi", name));
}

function readPyproject(text: string, found: Found): void {
  let section = "";
  for (const line of text.split("\n")) {
    section = readSection(line) ?? section;
    const key = /^\s*["']?([A-Za-z0-9][\w.-]*)["']?\s*=/.exec(line)?.[1];
    if (/^tool\.poetry\..*dependencies$/.test(section) && key && key !== "python") found.pypi.add(canonicalName("pypi", key));
    if (/^(?:project|build-system|dependency-groups|project\.optional-dependencies|tool\.uv)$/.test(section))
      if (isInList(line, key))
        // Strings of lists: `dependencies = ["a>=1", "b"]`, one or many on a line.
        for (const [, text = ""] of line.matchAll(/["']([^"']{1,200})["']/g)) addRequirement(text, found);
  }
}

/** `[name]` or `[[name]]`. Short: it is looked at again for every line below it. */
function readSection(line: string): string | undefined {
  return /^\s*\[{1,2}([^[\]]{1,200})\]/.exec(line)?.[1]?.trim();
}

/** `name = "x"` is no list; a line of a list has no key, or a bracket after it. */
function isInList(line: string, key: string | undefined): boolean {
  return key === undefined || line.includes("[");
}

/** `[[package]]` tables of Cargo.lock, poetry.lock and uv.lock. */
function readTomlNames(text: string, of: "pypi" | "crates", found: Found): void {
  for (const line of text.split("\n")) {
    const name = /^name\s*=\s*"([\w.-]{1,214})"/.exec(line)?.[1];
    if (name) found[of].add(canonicalName(of, name));
  }
}

function readCargoToml(text: string, found: Found): void {
  let section = "";
  for (const line of text.split("\n")) {
    section = readSection(line) ?? section;
    const nested = /dependencies\.["']?([\w-]+)["']?$/.exec(section)?.[1];
    if (nested) found.crates.add(canonicalName("crates", nested));
    if (!/dependencies$/.test(section) && !nested) continue;
    const key = /^\s*["']?([A-Za-z][\w-]*)["']?\s*(?:=|\.)/.exec(line)?.[1];
    const renamed = /\bpackage\s*=\s*"([\w-]+)"/.exec(line)?.[1];
    if (renamed) found.crates.add(canonicalName("crates", renamed));
    if (key && !nested) found.crates.add(canonicalName("crates", key));
  }
}

function readGoMod(text: string, found: Found): void {
  for (const line of text.split("\n")) {
    const module = /^\s*(?:require\s+)?([a-z0-9][\w.~/-]*)\s+v\d/i.exec(line)?.[1];
    // A dot in its first part, and something after that.
    if (module && /^[^/.]+\../.test(module)) found.go.add(module);
  }
}

function readGoSum(text: string, found: Found): void {
  for (const line of text.split("\n")) {
    const [, module, version, sum] = /^([\w.~/-]+) (v[\w.+-]+(?:\/go\.mod)?) (h1:[A-Za-z0-9+/=]{44})$/.exec(line.trim()) ?? [];
    if (!module || !version || !sum) continue;
    found.go.add(module);
    found.goSums.set(`${module}@${version}`, sum);
  }
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
