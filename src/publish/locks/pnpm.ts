import { type LockedPackage, sourceOf, splitName } from "./package.ts";
import { readYamlLines, unquote } from "./yaml-lines.ts";

/** ◆ pnpm-lock.yaml, versions 5 to 9. Throws where it is not. */
export function readPnpm(text: string): LockedPackage[] {
  const lines = readYamlLines(text);
  if (lines.length > 0 && !lines.some(({ depth, key }) => depth === 0 && key === "lockfileVersion"))
    throw new Error("not a pnpm lock file");
  const packages: LockedPackage[] = [];
  let within = false;
  for (const { depth, key, value } of lines) {
    if (depth === 0) {
      within = key === "packages";
      // All packages on one line would pass unread; so would one.
      if (within && value !== "" && value !== "{}") throw new Error("packages in a form that pnpm does not write");
      continue;
    }
    if (!within) continue;
    if (depth === 1) {
      if (value !== "" && value !== "{}") throw new Error("a package in a form that pnpm does not write");
      packages.push(readKey(key));
      continue;
    }
    const last = packages.at(-1);
    if (!last) throw new Error("not a pnpm lock file");
    if (depth === 2 && key === "requiresBuild") last.runs = unquote(value) === "true";
    if (depth === 2 && key === "name") last.name = unquote(value);
    const isResolution = depth === 2 && key === "resolution";
    const address = isResolution
      ? /(?:tarball|repo): *(?:'([^']*)'|([^,}\s]+))/.exec(value)
      : depth === 3 && /^(tarball|repo)$/.test(key)
        ? ["", unquote(value)]
        : undefined;
    const source = address ? sourceOf(address[1] ?? address[2] ?? "") : undefined;
    if (source !== undefined) last.source ??= source;
  }
  return packages;
}

/** `/name/1.0.0_peer`, `/name@1.0.0(peer)`, `name@1.0.0`, `name@https://…`, or the place itself, where a field names the package. */
function readKey(key: string): LockedPackage {
  const plain = key.replace(/^\//, "");
  // Places begin with their host, packages of a registry with "/" where a "/" can follow.
  if (/^[\w.-]+\.[\w-]+\/|^(?:file|link|https?|git\+\w+):/.test(key))
    return {
      name: plain,
      version: "",
      runs: false,
      source: sourceOf(/^\w+:/.test(plain) ? plain : `https://${plain}`) ?? "another place",
    };
  const [, name = "", old] = /^((?:@[^/@]+\/)?[^/@]+)\/(\d[^/_(]*)/.exec(plain) ?? [];
  if (old !== undefined) return { name, version: old, runs: false };
  const [named, rest] = splitName(plain.split("(")[0] ?? "");
  const source = /^[a-z+]+:/i.test(rest) ? sourceOf(rest) : undefined;
  return { name: named, version: rest, runs: false, ...(source !== undefined && { source }) };
}
