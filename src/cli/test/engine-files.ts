import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Test files below `folders`, as paths from `root`: those that need a Docker engine, and the others. */
export function sortByEngine(root: string, folders: string[]): { engine: string[]; others: string[] } {
  const files = folders.flatMap((folder) => globSync(join(folder, "**/*.test.ts"), { cwd: root })).sort();
  const needing = new Set(files.filter((file) => needsEngine(join(root, file), new Set())));
  return { engine: files.filter((file) => needing.has(file)), others: files.filter((file) => !needing.has(file)) };
}

/** Whether a file, or one that it imports, speaks to the engine: by its client library, or by calling its program. */
function needsEngine(file: string, seen: Set<string>): boolean {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  if (/["']docker(ode)?["']/.test(text)) return true;
  return importsOf(text).some((target) => needsEngine(resolve(dirname(file), target), seen));
}

/** Relative paths of what a source file imports at run time, statically or not. Types alone need no engine. */
export function importsOf(text: string): string[] {
  const statements = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(?!type\b)[^;]*?\bfrom\s+"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"\s*\)|(?:^|\n)\s*import\s+"(\.[^"]+)"/g,
  );
  return [...statements].flatMap((match) => match[1] ?? match[2] ?? match[3] ?? []);
}
