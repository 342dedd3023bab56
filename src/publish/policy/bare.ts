import { canonPath } from "./canon.ts";

/**
 * ◆ Folders that git would take for a bare repository when somebody enters them: there its `config` names programs, and no `.git` stands in
 * the path. HEAD and config in one folder are enough of a sign; so are HEAD and commondir, which leads to another folder's config.
 */
export function findBareRepositories(paths: readonly string[]): string[] {
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    const { parts, name } = canonPath(path);
    if (name !== "head" && name !== "config" && name !== "commondir") continue;
    const folder = parts.slice(0, -1).join("/") || ".";
    const names = folders.get(folder) ?? new Set();
    folders.set(folder, names.add(name === "commondir" ? "config" : name));
  }
  return [...folders].filter(([, names]) => names.size === 2).map(([folder]) => folder);
}
