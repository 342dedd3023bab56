import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockFolder } from "../../../src/store/lock.ts";
import { openStore } from "../../../src/store/open.ts";
import { openTestStore } from "../../helpers/store.ts";
import { describeStore } from "../../helpers/store-cases.ts";

const store = describeStore(openTestStore);

describe("a data folder", () => {
  it("that another process holds is refused, until that one is dead, however it died", async () => {
    const folder = await mkdtemp(join(tmpdir(), "airlock-lock-"));
    const child = fork(join(import.meta.dirname, "hold-lock.ts"), [folder], { stdio: "ignore", env: {} });
    try {
      await once(child, "message");
      expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: "store.held" }));
      child.kill("SIGKILL");
      await once(child, "exit");
      lockFolder(folder)[Symbol.dispose]();
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("that is open already is refused before anything in it is touched", async () => {
    const opening = openStore({ folder: store().folder, onQueueError: () => {} });
    await expect(opening).rejects.toMatchObject({ code: "store.held" });
  });

  it("that cannot be written is refused with what to do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "airlock-file-"));
    try {
      await writeFile(join(folder, "data"), "");
      const opening = openStore({ folder: join(folder, "data"), onQueueError: () => {} });
      await expect(opening).rejects.toMatchObject({ code: "store.unwritable", remedy: expect.stringContaining("AIRLOCK_DATA") });
      await writeFile(join(folder, "lock.db"), "this is no database, and longer than its head would be ".repeat(20));
      expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: "store.unwritable" }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
