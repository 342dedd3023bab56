import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../src/secret/secret.ts";
import { lockMachine } from "../../src/store/database-lock.ts";
import { openStore } from "../../src/store/open.ts";
import { addDelivery } from "../../src/store/queries/deliveries.ts";
import { openPostgresStore, startPostgres, type TestServer } from "../helpers/postgres.ts";
import { runId } from "../helpers/store.ts";
import { describeStore } from "../helpers/store-cases.ts";
import { until } from "../helpers/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

describe("on a PostgreSQL server", () => {
  describeStore(() => openPostgresStore(server));
});

const delivery = (id: string) => ({ id, event: "issues", payload: { action: "labeled" }, receivedAtMs: 1 });

describe("two Apps on one database", () => {
  it("open it at once, and the schema is made once", async () => {
    const url = await server.database();
    const both = await Promise.all([openPostgresStore(server, url), openPostgresStore(server, url)]);
    expect(await addDelivery(both[0].db, both[0].queue, delivery("a"))).toBe("new");
    expect(await addDelivery(both[1].db, both[1].queue, delivery("a"))).toBe("known");
    for (const store of both) await store[Symbol.asyncDispose]();
  });

  it("hear of each other's changes and wake-ups", async () => {
    await using one = await openPostgresStore(server);
    await using two = await openPostgresStore(server, one.url);
    const ending = new AbortController();
    const run = runId("watched");
    let ticks = 0;
    const watching = (async () => {
      for await (const _ of two.changes.watch(run, ending.signal)) ticks++;
    })();
    for (let i = 0; i < 50; i++) one.changes.touch(run);
    await until("a tick", () => Promise.resolve(ticks > 0 || undefined));
    // Fifty touches in one breath are one note.
    expect(ticks).toBe(1);
    ending.abort();
    await watching;

    const handled: string[] = [];
    const idle = async () => {};
    await two.queue.work({ run: idle, delivery: async (id) => void handled.push(id), atOnce: 2 });
    await addDelivery(one.db, one.queue, delivery("b"));
    await until("the other App to handle it", () => Promise.resolve(handled.includes("b") || undefined));
  });
});

describe("a machine's name that an App has taken in a database", () => {
  it("is refused to a second one until the first has gone, also after a crash of the server, and no other name is", async () => {
    const url = new Secret(await server.database());
    const errors: unknown[] = [];
    const take = () => lockMachine({ url, machine: "0123456789ab", onError: (error) => errors.push(error) });
    const first = await take();
    await expect(take()).rejects.toMatchObject({ code: "store.held" });
    await using _other = await lockMachine({ url, machine: "ba9876543210", onError: () => {} });
    await server.crash();
    // The first comes back to it by itself; whoever is quicker has it, and is refused nothing.
    await until("the lock to be taken again", () =>
      take().then(
        async (second) => void (await second[Symbol.asyncDispose]()),
        (error: { code: string }) => error.code === "store.held" || undefined,
      ),
    );
    expect(errors.length).toBeGreaterThan(0);
    await first[Symbol.asyncDispose]();
    await until("the lock to be free", () =>
      take().then(
        (next) => next[Symbol.asyncDispose]().then(() => true),
        () => undefined,
      ),
    );
  }, 60_000);
});

describe("a machine's name whose connection was lost", () => {
  it("is taken again once, is not asked for any more, and is let go at the end", async () => {
    const url = new Secret(await server.database());
    const client = new pg.Client({ connectionString: url.reveal() });
    await client.connect();
    const holders = async () => {
      const mine = "application_name = 'airlock-lock' and datname = current_database()";
      return (await client.query(`select pid, backend_start from pg_stat_activity where ${mine} order by backend_start`)).rows;
    };
    const lock = await lockMachine({ url, machine: "0123456789ab", onError: () => {} });
    const [lost] = await holders();
    await client.query("select pg_terminate_backend($1)", [lost.pid]);
    await until("another connection to hold it", async () => {
      const now = await holders();
      return now.length === 1 && now[0].pid !== lost.pid;
    });
    // It was asked for each second, for ever, by whoever had not got it.
    const sessions = async () =>
      Number((await client.query("select sessions from pg_stat_database where datname = current_database()")).rows[0].sessions);
    const before = [await holders(), await sessions()];
    await wait(2_500);
    expect([await holders(), await sessions()]).toEqual(before);
    await lock[Symbol.asyncDispose]();
    await until("nobody to hold it", async () => (await holders()).length === 0);
    await client.end();
  }, 60_000);
});

describe("a database server", () => {
  it("that crashes and comes back is used again, and those who watch look anew", async () => {
    await using store = await openPostgresStore(server);
    await addDelivery(store.db, store.queue, delivery("before"));
    const ending = new AbortController();
    let ticks = 0;
    const watching = (async () => {
      for await (const _ of store.changes.watch(runId("any"), ending.signal)) ticks++;
    })();
    await server.crash();
    await until("the store to answer again", () =>
      addDelivery(store.db, store.queue, delivery("before")).then(
        (added) => added === "known" || undefined,
        () => undefined,
      ),
    );
    await until("a tick after the reconnection", () => Promise.resolve(ticks > 0 || undefined));
    ending.abort();
    await watching;
    expect(store.queueErrors.length).toBeGreaterThan(0);
  }, 60_000);

  it("that is not there is named without its password", async () => {
    const folder = await mkdtemp(join(tmpdir(), "airlock-away-"));
    const url = new Secret("postgres://airlock:hunter2hunter2@127.0.0.1:1/airlock");
    const opening = openStore({ folder, databaseUrl: url, onQueueError: () => {} });
    const error = await opening.catch((thrown: unknown) => thrown as Error & { cause: Error });
    expect(error).toMatchObject({ code: "store.unavailable", remedy: expect.stringContaining("DATABASE_URL") });
    expect(JSON.stringify([error, String(error)])).not.toContain("hunter2");
    await rm(folder, { recursive: true });
  });
});
