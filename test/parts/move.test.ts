import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../src/secret/secret.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { addGrant } from "../../src/store/queries/grants.ts";
import { liveOn, openDataFolder, openIn, readAll } from "../helpers/backups.ts";
import { type CommandFrame, openCommandFrame } from "../helpers/command.ts";
import { openPostgresStore, startPostgres, type TestServer } from "../helpers/postgres.ts";
import { runId } from "../helpers/store.ts";
import { until } from "../helpers/until.ts";

let server: TestServer;
let frame: CommandFrame;
let filled: Awaited<ReturnType<typeof fill>>;
beforeAll(async () => {
  server = await startPostgres();
  frame = await openCommandFrame();
  filled = await fill();
}, 120_000);
afterAll(async () => {
  await filled[Symbol.asyncDispose]();
  await frame[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const migrate = (folder: string, url: string) => frame.run(["migrate", "--json", "--data", folder], { DATABASE_URL: url });
const told = ({ out, err }: { out: string; err: string }) => JSON.parse(out || err);

/** A data folder whose embedded store has rows of many kinds, and what they are. */
async function fill(): Promise<{ folder: string; rows: Awaited<ReturnType<typeof readAll>> } & AsyncDisposable> {
  const made = await openDataFolder();
  const store = await openIn(made.folder);
  for (let n = 1; n <= 4; n++) await liveOn(store, { name: `moved${"abcd"[n - 1]}`, number: n, facts: 5, end: n < 4 });
  await addGrant(store.db, {
    ...{ id: "g", run: runId("movedd"), duty: "reporter", repositoryId: 500, permissions: { contents: "read" }, state: "live" },
    ...{ token: "s1.sealed", mintedAtMs: 1, expiresAtMs: 2 ** 40, revokedAtMs: null, machine: null },
  });
  await sql`insert into events (run, id, at_ms, kind, text) select ${runId("moveda")}, 'more' || n, n, 'say', repeat('words ', 40) || n
    from generate_series(1, 12000) n`.execute(store.db);
  const rows = await readAll(store.db);
  await store[Symbol.asyncDispose]();
  return { folder: made.folder, rows, [Symbol.asyncDispose]: () => made[Symbol.asyncDispose]() };
}

/** One of its own, with the same rows. */
async function openFilled(): Promise<typeof filled> {
  const made = await openDataFolder();
  await execa("cp", ["-a", join(filled.folder, "store"), made.folder]);
  return { ...made, rows: filled.rows, [Symbol.asyncDispose]: () => made[Symbol.asyncDispose]() };
}

const openServerStore = (folder: string, url: string): Promise<Store> =>
  openStore({ folder, databaseUrl: new Secret(url), onQueueError: () => {} });
const withoutMark = (rows: Awaited<ReturnType<typeof readAll>>) => ({
  ...rows,
  marks: (rows.marks ?? []).filter((row) => !row.includes("moved:")),
});

async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

describe("a move to a PostgreSQL server", { timeout: 120_000 }, () => {
  it("brings every row of every table as it was, also when it has to be repeated, and the embedded store is not gone on with by mistake", async () => {
    await using source = await openFilled();
    const url = await server.database();
    const killed = await migrate(source.folder, url);
    expect(killed, killed.err).toMatchObject({ code: 0 });
    // As if it had been killed between the commit and its last word: it is found done, and nothing is doubled.
    renameSync(join(told(killed).aside, "pg"), join(source.folder, "store", "pg"));
    rmSync(told(killed).aside, { recursive: true });
    const { aside, rows } = told(await migrate(source.folder, url));
    expect(rows).toBe(Object.values(source.rows).flat().length);
    expect(existsSync(join(aside, "pg"))).toBe(true);
    // Without the setting, an empty store would begin everything anew.
    await expect(openIn(source.folder)).rejects.toMatchObject({
      code: "store.moved",
      remedy: expect.stringContaining("DATABASE_URL"),
    });
    const store = await openServerStore(source.folder, url);
    const there = await readAll(store.db);
    expect(withoutMark(there)).toEqual(source.rows);
    expect(there.marks).toHaveLength((source.rows.marks?.length ?? 0) + 1);
    // It counts on from there.
    const last = Math.max(...(source.rows.events ?? []).map((row) => JSON.parse(row).seq));
    await liveOn(store, { name: "after", number: 50, facts: 1, end: true });
    const next = await store.db.selectFrom("events").select("seq").where("run", "=", runId("after")).executeTakeFirstOrThrow();
    expect(next.seq).toBe(last + 1);
    await store[Symbol.asyncDispose]();

    // Asked again, it says the same, also when the App has gone on meanwhile; of another database it does not.
    expect(told(await migrate(source.folder, url))).toEqual({ ok: true, aside, rows });
    expect(told(await migrate(source.folder, await server.database()))).toMatchObject({ error: { code: "store.moved" } });
  });

  it("that is killed in the midst leaves nothing on the server, and is whole when it is repeated", async () => {
    await using source = await openFilled();
    const url = await server.database();
    const command = frame.start(["migrate", "--json", "--data", source.folder], { DATABASE_URL: url });
    // Some rows are there, as the transaction itself sees them, and it has not ended.
    await until("rows on their way", async () => {
      const seen = await query(
        url,
        "select 1 from pg_stat_activity where application_name = 'airlock' and query like 'insert into \"events\"%'",
      );
      return seen.length > 0;
    });
    command.signal("SIGKILL");
    expect((await command.ended()).code).toBeUndefined();
    await until("the server to take it back", async () => {
      const seen = await query(url, "select 1 from pg_stat_activity where application_name like 'airlock%'");
      return seen.length === 0;
    });
    for (const table of Object.keys(source.rows)) expect(await query(url, `select 1 from "${table}" limit 1`), table).toEqual([]);
    expect(readdirSync(join(source.folder, "store"))).toContain("pg");

    expect(await migrate(source.folder, url)).toMatchObject({ code: 0 });
    await using store = await openServerStore(source.folder, url);
    expect(withoutMark(await readAll(store.db))).toEqual(source.rows);
  });

  it("is refused with words: rows of another store, an App at work on either side, nothing to move, a password for all to read", async () => {
    await using source = await openFilled();
    const url = await server.database();
    const present = await openPostgresStore(server, url);
    await liveOn(present, { name: "theirs", number: 1, facts: 1, end: true });
    await present[Symbol.asyncDispose]();
    const refused = async (given: Promise<{ code: number | undefined; out: string; err: string }>) => {
      const { code, out, err } = await given;
      expect([code === 0, out]).toEqual([false, ""]);
      return JSON.parse(err).error.code;
    };
    expect(await refused(migrate(source.folder, url))).toBe("move.not-empty");
    expect(await query(url, "select id from runs")).toEqual([{ id: runId("theirs") }]);

    const atWork = await openIn(source.folder);
    expect(await refused(migrate(source.folder, await server.database()))).toBe("store.held");
    await atWork[Symbol.asyncDispose]();

    await using empty = await openDataFolder();
    expect(await refused(migrate(empty.folder, await server.database()))).toBe("move.nothing");
    expect(await refused(frame.run(["migrate", "--json", "--data", source.folder]))).toBe("settings.DATABASE_URL");
    const open = ["migrate", "--json", "--data", source.folder, "--to", "postgres://airlock:hunter2@localhost/x"];
    const shown = await frame.run(open);
    expect(shown).toMatchObject({ code: 2, err: expect.stringContaining("DATABASE_URL_FILE") });
    expect(shown.err).not.toContain("hunter2");
    // Nothing of all this has touched it.
    await using store = await openIn(source.folder);
    expect(await readAll(store.db)).toEqual(source.rows);
  });
});
