import { closeSync, globSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../src/fault.ts";
import { openStore } from "../../src/store/open.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "airlock-damaged-"));
  const made = await openStore({ folder, onQueueError: () => {} });
  await made[Symbol.asyncDispose]();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pg = (name: string) => join(folder, "store", "pg", name);

async function opening(): Promise<unknown> {
  try {
    const store = await openStore({ folder, onQueueError: () => {} });
    await store[Symbol.asyncDispose]();
    return "opened";
  } catch (error) {
    return error;
  }
}

describe("a damaged data folder", () => {
  it("[80] is refused with words, while a whole one opens", async () => {
    expect(await opening()).toBe("opened");
    writeFileSync(pg("PG_VERSION"), "99\n");
    expect(await opening()).toSatisfy(refusedWithWords);
  }, 60_000);

  it("[80] is refused with words where its control file is cut short", async () => {
    truncateSync(pg("global/pg_control"), 100);
    expect(await opening()).toSatisfy(refusedWithWords);
  }, 60_000);

  it("[80] is refused with words where one page of each larger table is damaged", async () => {
    const files = globSync("base/*/[0-9]*", { cwd: pg("") }).filter((name) => statSync(pg(name)).size >= 16_384);
    expect(files.length).toBeGreaterThan(3);
    for (const name of files) damage(pg(name));
    expect(await opening()).toSatisfy(refusedWithWords);
  }, 60_000);
});

function damage(path: string): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(8_192, 0xa5), 0, 8_192, 0);
  closeSync(file);
  expect(readFileSync(path)[0]).toBe(0xa5);
}

function refusedWithWords(error: unknown): boolean {
  return error instanceof Fault && error.code.startsWith("store.") && error.remedy.length > 20;
}
