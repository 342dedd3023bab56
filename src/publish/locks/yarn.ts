import { type LockedPackage, sourceOf, splitName } from "./package.ts";
import { readYamlLines, unquote } from "./yaml-lines.ts";

/** ◆ yarn.lock, in the form of yarn 1 or of those after it. Throws where it is neither. */
export function readYarn(text: string): LockedPackage[] {
  return /^__metadata:/m.test(text) ? readBerry(text) : readClassic(text);
}

function readBerry(text: string): LockedPackage[] {
  const entries: { key: string; resolution?: string }[] = [];
  for (const { depth, key, value } of readYamlLines(text)) {
    // A package on one line would pass unread.
    if (depth === 0 && value !== "") throw new Error("not a yarn lock file");
    if (depth === 0) entries.push({ key });
    const last = entries.at(-1);
    if (!last) throw new Error("not a yarn lock file");
    if (depth === 1 && key === "resolution") last.resolution = unquote(value);
  }
  return entries.flatMap(({ key, resolution }) => {
    if (key === "__metadata") return [];
    if (resolution === undefined) throw new Error("a package without its resolution");
    const [name, place] = splitName(resolution);
    if (place.startsWith("workspace:")) return [];
    const [version = "", archive] = place.replace(/^npm:/, "").split("::__archiveUrl=");
    const from = archive === undefined ? undefined : sourceOf(decodeURIComponent(archive));
    const source = place.startsWith("npm:") ? from : sourceOf(place);
    return [{ name, version, runs: false, ...(source !== undefined && { source }) }];
  });
}

const item = String.raw`(?:"(?:[^"\\]|\\.)*"|[^\s",:#][^\s",]*)`;
const head = new RegExp(`^${item}(?:, ${item})*:$`);
const field = new RegExp(`^ {2}(version|resolved|integrity|uid|registry) (${item}|[^\\s"]\\S*)$`);
const list = /^ {2}\w+:$/;
const entry = new RegExp(`^ {4}${item} (?:${item}|[^"\\s].*)$`);

function readClassic(text: string): LockedPackage[] {
  const packages: (LockedPackage & { versioned: boolean })[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.length > 20_000) throw new Error("not a yarn lock file");
    const last = packages.at(-1);
    const [, key, value = ""] = field.exec(line) ?? [];
    if (head.test(line)) {
      // Several ranges of one package: they are the same.
      const [first = ""] = new RegExp(item).exec(line) ?? [];
      packages.push({ ...readDescriptor(unquote(first.replace(/:$/, ""))), version: "", runs: false, versioned: false });
    } else if (!last || !(key !== undefined || list.test(line) || entry.test(line))) throw new Error("not a yarn lock file");
    else if (key === "version") Object.assign(last, { version: unquote(value), versioned: true });
    else if (key === "resolved") {
      const source = sourceOf(unquote(value));
      if (source !== undefined) last.source ??= source;
    }
  }
  if (packages.some(({ versioned }) => !versioned)) throw new Error("a package without its version");
  return packages.map(({ versioned: _, ...each }) => each);
}

/** `lodash@npm:evil@1` is evil. */
function readDescriptor(text: string): { name: string; source?: string } {
  const [name, range] = splitName(text);
  if (range.startsWith("npm:")) return { name: splitName(range.slice(4))[0] };
  const source = /^[a-z+]+:/i.test(range) ? sourceOf(range) : undefined;
  return { name, ...(source !== undefined && { source }) };
}
