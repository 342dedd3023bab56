import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";

const root = join(import.meta.dirname, "../..");
/** Beside the other things that this checkout has made for itself. */
const kept = join(root, ".tools/store");

/**
 * Puts an empty database, its tables and the queue's in it, at `folder`, where nothing stands yet: whole, or not at all. To make one
 * costs ten seconds of a processor, to copy one a quarter of a second: the first is kept, by all that it is made from, and copied from
 * then on. `make` makes one in the data folder that it is given. Does nothing where it cannot be kept (a checkout that may not be
 * written): one is then made in place. Throws what the file system throws.
 */
export async function ensureDatabase(folder: string, make: (data: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const made = await keepDatabase(make).catch(() => undefined);
  if (made === undefined) return;
  // A start that dies halfway must not leave half a database where the store is looked for.
  const draft = `${folder}.draft`;
  rmSync(draft, { recursive: true, force: true });
  // Not node:fs: its copy of a thousand small files holds this process up for a second.
  await execa("cp", ["-a", made, draft]);
  renameSync(draft, folder);
}

async function keepDatabase(make: (data: string) => Promise<void>): Promise<string> {
  const made = join(kept, keyOf());
  if (existsSync(made)) return made;
  mkdirSync(kept, { recursive: true });
  const draft = mkdtempSync(join(kept, "draft-"));
  try {
    await make(draft);
    const database = join(draft, "store/pg");
    // On disk before it has its name: after a power cut it is whole or not there.
    await execa("sync", ["-f", database]);
    // Another process may have been quicker: its own is as good.
    if (!existsSync(made)) renameSync(database, made);
  } catch (error) {
    if (!existsSync(made)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return made;
}

/** Of what a database is made from: our tables, and the versions of engine and queue. */
function keyOf(): string {
  const hash = createHash("sha256");
  const sources = globSync("src/store/{*,migrations/*}.ts", { cwd: root }).sort();
  for (const file of [...sources, "package-lock.json"]) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 24);
}
