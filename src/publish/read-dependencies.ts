import type { GitHost } from "../git/client.ts";
import type { RunId, Sha } from "../run/identity.ts";
import { findLockReader, noteDependencies } from "./dependencies.ts";
import type { Work } from "./read.ts";

const limitBytes = 8 * 1024 ** 2;
const maxFiles = 20;

/** What the work's lock files bring, by the end against the start. */
export async function readDependencyNotes(git: GitHost, run: RunId, of: { base: Sha; work: Work }): Promise<string[]> {
  const changes = of.work.changes.at(-1)?.changes ?? [];
  const locks = changes.filter(({ path, status }) => status !== "D" && findLockReader(path)).slice(0, maxFiles);
  const read = async (object: string) => {
    const output = await git.git({ run }, ["cat-file", "blob", object], { limitBytes, truncate: true });
    return output.exitCode === 0 && !output.truncated ? output.stdout.toString("utf8") : "";
  };
  const notes: string[] = [];
  for (const { path, newId, status } of locks)
    notes.push(...noteDependencies(path, status === "A" ? "" : await read(`${of.base}:${path}`), await read(newId)));
  return notes;
}
