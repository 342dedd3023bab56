import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { openStore } from "../../src/store/open.ts";

const root = resolve(import.meta.dirname, "../..");
const cache = join(root, "node_modules/.cache/airlock-test-store");

/**
 * Fills `folder` with an empty store. Making one takes seconds of a processor, copying one milliseconds: the first test that needs one
 * makes it for all, and makes it anew when the schema or the engine under it has changed.
 */
export async function copyEmptyStore(folder: string): Promise<void> {
  const made = join(cache, keyOf());
  if (!existsSync(made)) await makeEmptyStore(made);
  cpSync(made, join(folder, "store"), { recursive: true });
}

async function makeEmptyStore(made: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, "draft-"));
  try {
    const store = await openStore({ folder: draft, onQueueError: () => {} });
    await store[Symbol.asyncDispose]();
    // Another test file may have been quicker.
    if (!existsSync(made)) renameSync(join(draft, "store"), made);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function keyOf(): string {
  const hash = createHash("sha256");
  const sources = globSync("src/store/{*,migrations/*}.ts", { cwd: root }).sort();
  for (const file of [...sources, "package-lock.json"]) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 24);
}
