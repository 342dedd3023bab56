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
import { until } from "../../helpers/until.ts";

const store = describeStore(openTestStore);

describe("a queue", () => {
  it("hands on what has waited for it without a pause between one and the next", async () => {
    await using own = await openTestStore();
    const ids = Array.from({ length: 100 }, (_, i) => `waiting-${i}`);
    for (const id of ids) await own.queue.wakeDelivery(id);
    const handled = new Set<string>();
    const all = Promise.withResolvers<void>();
    await own.queue.work({
      run: async () => {},
      delivery: async (id) => {
        if (handled.add(id).size === ids.length) all.resolve();
      },
      atOnce: 1,
    });
    // With a pause after each this takes minutes, and the test's time is over.
    await all.promise;
    expect([...handled].sort()).toEqual(ids.sort());
  });
});

describe("a queue's hands", () => {
  it("are as many as it says: what is slow holds back nothing but the one too many", async () => {
    await using own = await openTestStore();
    const ends = new Map<string, () => void>();
    let most = 0;
    let now = 0;
    const delivery = async (id: string) => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => void ends.set(id, resolve));
      now--;
    };
    await own.queue.work({ run: async () => {}, delivery, atOnce: 2 });
    for (const id of ["one", "two", "three"]) await own.queue.wakeDelivery(id);
    await until("two in hand", () => ends.size === 2);
    // One stays at work. That the third one comes at all is the control.
    const [first = () => {}] = ends.values();
    first();
    await until("the third", () => ends.size === 3);
    for (const end of ends.values()) end();
    expect(most).toBe(2);
  });
});

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
