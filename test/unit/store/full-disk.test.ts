import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { Hono } from "hono";
import { sql } from "kysely";
import { pino } from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import { serve } from "../../../src/delivery/serve.ts";
import { openStore, type Store } from "../../../src/store/open.ts";
import { addDelivery, findWaitingDelivery } from "../../../src/store/queries/deliveries.ts";
import { controlFell } from "../../helpers/control.ts";

const path = "/api/github/webhooks";

describe.runIf(process.getuid?.() === 0)("a store whose disk is full", { timeout: 120_000 }, () => {
  let folder: string;
  let held: AsyncDisposableStack;
  /** Deliveries by what was answered. */
  let answers: Map<string, number>;
  let lastId: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "airlock-full-"));
    await execa("mount", ["-t", "tmpfs", "-o", "size=160m", "tmpfs", folder]);
    held = new AsyncDisposableStack();
    answers = new Map();
    return async () => {
      await held.disposeAsync();
      await execa("umount", ["-l", folder]);
      await rm(folder, { recursive: true });
    };
  });

  const openHere = () => openStore({ folder, onQueueError: () => {} });
  /** Takes all the room there is. */
  async function fill(): Promise<void> {
    const file = await open(join(folder, "filler"), "w");
    for (const piece of [Buffer.alloc(65_536), Buffer.alloc(1)])
      try {
        for (;;) await file.write(piece);
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      }
    await file.close();
  }
  const makeRoom = () => rm(join(folder, "filler"));

  /** The App's own front door before this store. */
  async function receiving(store: Store, { hasty = false } = {}) {
    const receiver = {
      verify: async (body: string, signature: string) =>
        signature === `sha256=${createHmac("sha256", "hush").update(body).digest("hex")}`,
      store(delivery: Parameters<typeof addDelivery>[2]) {
        const stored = addDelivery(store.db, store.queue, delivery);
        // As who takes what was handed on for what was kept.
        return hasty ? stored.catch(() => "new" as const) : stored;
      },
      ...{ nowMs: () => 42, log: pino({ level: "silent" }) },
    };
    const serving = held.use(
      await serve({ ...{ host: "127.0.0.1", port: 0, webhookPath: path, receiver, pages: new Hono() }, onFault: () => {} }),
    );
    let count = 0;
    return async (kilobytes: number): Promise<number> => {
      const id = `d-${hasty}-${count++}`;
      const body = JSON.stringify({ action: "labeled", text: randomBytes(512 * kilobytes).toString("hex") });
      const { status } = await fetch(`http://127.0.0.1:${serving.port}${path}`, {
        method: "POST",
        headers: {
          ...{ "x-github-delivery": id, "x-github-event": "issues" },
          "x-hub-signature-256": `sha256=${createHmac("sha256", "hush").update(body).digest("hex")}`,
        },
        body,
      });
      if (!hasty) answers.set(id, status);
      lastId = id;
      return status;
    };
  }

  /** What was acknowledged is there, whole; of what was not, either all or nothing. */
  async function expectWhole(store: Store): Promise<void> {
    for (const [id, status] of answers) {
      const found = await findWaitingDelivery(store.db, id);
      if (status === 202)
        expect(found?.payload, id).toMatchObject({ action: "labeled", text: expect.stringMatching(/^[0-9a-f]+$/) });
      else expect(found, id).toBeUndefined();
    }
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from deliveries`.execute(store.db);
    expect(rows[0]?.count).toBe([...answers.values()].filter((status) => status === 202).length);
  }

  it("[81] acknowledges nothing that it cannot keep, and works on when there is room again", async () => {
    const store = await openHere();
    const deliver = await receiving(store);
    const deliverHastily = await receiving(store, { hasty: true });
    expect(await deliver(100)).toBe(202);
    await fill();
    // What its files have room for already is taken, and is kept.
    const whileFull = [];
    for (let nth = 0; nth < 12; nth++) whileFull.push(await deliver(200));
    expect(whileFull.slice(-6)).toEqual([503, 503, 503, 503, 503, 503]);
    const acknowledged = (await deliverHastily(200)) === 202;
    const kept = await findWaitingDelivery(store.db, lastId);
    controlFell(acknowledged && kept === undefined, "what is acknowledged before it is kept");
    await expectWhole(store);
    await makeRoom();
    expect([await deliver(100), await deliver(100)]).toEqual([202, 202]);
    await expectWhole(store);
    await store[Symbol.asyncDispose]();
    await using again = await openHere();
    await expectWhole(again);
  });

  it("[81] says that it must be started again where its log of writes is full, and answers at once meanwhile", async () => {
    const store = await openHere();
    const deliver = await receiving(store);
    expect(await deliver(1)).toBe(202);
    await fill();
    // Only its log of writes grows.
    const write = () => sql`select pg_logical_emit_message(true, 'fill', repeat('x', 1000000))`.execute(store.db);
    const wrote = async () => {
      for (let nth = 0; nth < 40; nth++) await write();
    };
    await expect(wrote()).rejects.toMatchObject({ severity: "PANIC" });
    expect(await store.lost).toMatchObject({ code: "store.full", remedy: expect.stringContaining("start Airlock again") });
    const atMs = Date.now();
    expect([await deliver(1), await deliver(1)]).toEqual([503, 503]);
    await expect(write()).rejects.toMatchObject({ code: "store.full" });
    expect(Date.now() - atMs).toBeLessThan(5_000);
    await store[Symbol.asyncDispose]();
    // Without room it does not start, and names the disk rather than a damage.
    await expect(openHere()).rejects.toMatchObject({ code: "store.full" });
    await makeRoom();
    await using again = await openHere();
    await expectWhole(again);
    expect(await addDelivery(again.db, again.queue, { id: "later", event: "issues", payload: {}, receivedAtMs: 1 })).toBe("new");
  });
});
