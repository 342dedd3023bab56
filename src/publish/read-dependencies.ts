import type { GitHost } from "../git/client.ts";
import type { RunId, Sha } from "../run/identity.ts";
import { findLockReader, noteDependencies } from "./dependencies.ts";
import type { Work } from "./read.ts";

const limitBytes = 8 * 1024 ** 2;
const maxFiles = 20;

/** What the work's lock files bring, by the end against the start. */
export async function readDependencyNotes(git: GitHost, run: RunId, of: { base: Sha; work: Work }): Promise<string[]> {
  const changes = of.work.changes.at(-1)?.changes ?? [];
  const all = changes.filter(({ path, status }) => status !== "D" && findLockReader(path));
  const locks = all.slice(0, maxFiles);
  // Undefined: longer than what is read.
  const read = async (object: string) => {
    const output = await git.git({ run }, ["cat-file", "blob", object], { limitBytes, truncate: true });
    return output.exitCode === 0 && !output.truncated ? output.stdout.toString("utf8") : undefined;
  };
  const notes: string[] = [];
  for (const { path, newId, status } of locks)
    notes.push(...noteDependencies(path, status === "A" ? "" : await read(`${of.base}:${path}`), await read(newId)));
  if (all.length > locks.length) notes.push(`and ${all.length - locks.length} more lock files, which were not read`);
  return notes;
}
