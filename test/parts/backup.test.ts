import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backUpBeforeMigration } from "../../src/backup/automatic.ts";
import { makeBackup } from "../../src/backup/make.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { openSeal } from "../../src/secret/seal.ts";
import { openEmbedded } from "../../src/store/embedded.ts";
import { isLatest, listMigrations, migrateTo, migrations } from "../../src/store/migrations.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { addGrant } from "../../src/store/queries/grants.ts";
import { expectConsistent, liveOn, openDataFolder, openIn, partsOf, readAll, sealKey } from "../helpers/backups.ts";
import { openCommandFrame } from "../helpers/command.ts";
import { runId } from "../helpers/store.ts";
import { until } from "../helpers/until.ts";

let folder: string;
let elsewhere: string;
let store: Store;
let file: string;
let sealed: string;
let before: Awaited<ReturnType<typeof readAll>>;
let madeIn: AsyncDisposable;

beforeAll(async () => {
  const made = await openDataFolder();
  madeIn = made;
  ({ folder } = made);
  elsewhere = await mkdtemp(join(tmpdir(), "airlock-elsewhere-"));
  store = await openIn(folder);
  for (let n = 1; n <= 10; n++) await liveOn(store, { name: `old${"abcdefghij"[n - 1]}`, number: n, facts: 12, end: n < 9 });
  sealed = openSeal(sealKey(folder)).seal("ghs_a-live-token");
  await addGrant(store.db, {
    ...{ id: "g", run: runId("oldi"), duty: "reporter", repositoryId: 500, permissions: {}, state: "live", token: sealed },
    ...{ mintedAtMs: 1, expiresAtMs: Date.now() + 3_600_000, revokedAtMs: null, machine: null },
  });
  before = await readAll(store.db);
  file = join(elsewhere, "first.tar.gz");
  await makeBackup(partsOf(folder, store.db), file);
}, 60_000);
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await madeIn[Symbol.asyncDispose]();
  await rm(elsewhere, { recursive: true, force: true });
});

/** An empty data folder that has the key of the one that was backed up. */
async function openTarget({ withKey = true } = {}): Promise<{ folder: string } & AsyncDisposable> {
  const target = await openDataFolder();
  if (withKey) copyFileSync(sealKey(folder), sealKey(target.folder));
  return target;
}

const wish = (of: { file: string; folder: string }) => ({
  ...of,
  replace: false,
  newKey: false,
  onServer: false,
  nowMs: Date.now,
});
/** All names below a folder but the lock's, and how long each file is. */
const seen = (path: string) =>
  (existsSync(path) ? readdirSync(path, { recursive: true, withFileTypes: true }) : [])
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((name) => !name.endsWith("lock.db"))
    .map((name) => `${name} ${statSync(name).isFile() ? statSync(name).size : ""}`)
    .sort();

describe("a backup", { timeout: 180_000 }, () => {
  it("gives back every row as it was, but for the tokens, and counts on from there", async () => {
    await using target = await openTarget();
    const restored = await restoreBackup(wish({ file, folder: target.folder }));
    expect(restored).toMatchObject({ sameKey: true, work: [] });
    await using again = await openIn(target.folder);
    const after = await readAll(again.db);
    const plain = (rows: string[] = []) => rows.map((row) => JSON.parse(row)).sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(plain(after.grants)).toEqual(plain(before.grants).map((grant) => ({ ...grant, token: null })));
    const free = (rows: string[] = []) => plain(rows).map((run) => ({ ...run, holder: null, lease_until_ms: 0 }));
    expect(plain(after.runs)).toEqual(free(before.runs));
    expect({ ...after, grants: [], runs: [] }).toEqual({ ...before, grants: [], runs: [] });
    const events = await again.db.selectFrom("events").select("seq").execute();
    const last = Math.max(...events.map(({ seq }) => Number(seq)));
    await liveOn(again, { name: "new", number: 99, facts: 1, end: true });
    const next = await again.db.selectFrom("events").select("seq").where("run", "=", runId("new")).executeTakeFirstOrThrow();
    expect(Number(next.seq)).toBe(last + 1);
  });

  it("of a store in use is of one moment: whatever others wrote meanwhile is in it wholly or not at all", async () => {
    const ending = new AbortController();
    let lives = 0;
    const write = async (lane: number) => {
      while (!ending.signal.aborted && lives < 150) {
        // The embedded store works within this process and never waits: without a pause nobody else in it would get on.
        await setImmediate();
        const n = lives++;
        const letters = [n, n / 26, n / 676].map((digit) => "abcdefghijklmnopqrstuvwxyz"[Math.floor(digit) % 26]).join("");
        await liveOn(store, { name: `busy${letters}`, number: 1_000 + n, facts: 6, end: lane > 0 });
      }
    };
    const writing = Promise.all([0, 1].map(write));
    const busy = join(elsewhere, "busy.tar.gz");
    await makeBackup(partsOf(folder, store.db), busy).finally(() => ending.abort());
    await writing;
    // The control: they went on meanwhile.
    expect(lives).toBeGreaterThan(3);
    await using target = await openTarget();
    await restoreBackup(wish({ file: busy, folder: target.folder }));
    await using again = await openIn(target.folder);
    expect(await expectConsistent(again)).toBeGreaterThanOrEqual(10);
  });

  it("holds no key and no token, sealed or not, where the data folder holds them all", async () => {
    const secrets = { key: readFileSync(sealKey(folder), "utf8").trim(), sealed };
    const unpacked = JSON.stringify(before);
    expect(unpacked).toContain(sealed);
    const { stdout } = await import("execa").then(({ execa }) => execa("tar", ["-xzOf", file], { maxBuffer: 100_000_000 }));
    for (const [name, secret] of Object.entries(secrets)) expect(stdout.includes(secret), name).toBe(false);
    expect(stdout).toContain("line");
  });

  it("never takes the place of another file, and is 0600 in a folder that is 0700", async () => {
    await expect(makeBackup(partsOf(folder, store.db), file)).rejects.toMatchObject({ code: "backup.exists" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "backups")).mode & 0o777).toBe(0o700);
    // No draft is left.
    expect(readdirSync(join(folder, "backups"))).toEqual([]);
  });
});

describe("a restore", { timeout: 180_000 }, () => {
  it("of a damaged archive is refused with words, and the folder is as it was", async () => {
    await using target = await openTarget();
    const made = await openIn(target.folder);
    await made[Symbol.asyncDispose]();
    const cut = join(elsewhere, "cut.tar.gz");
    copyFileSync(file, cut);
    truncateSync(cut, statSync(cut).size - 100);
    const earlier = seen(target.folder);
    const restoring = restoreBackup({ ...wish({ file: cut, folder: target.folder }), replace: true });
    await expect(restoring).rejects.toMatchObject({
      code: "backup.damaged",
      remedy: expect.stringContaining("Nothing was changed"),
    });
    expect(seen(target.folder)).toEqual(earlier);
  });

  it("over a store that is there is refused, and with replace sets it aside under a name that it tells", async () => {
    await using target = await openTarget();
    const present = await openIn(target.folder);
    await liveOn(present, { name: "present", number: 7, facts: 2, end: true });
    await expect(restoreBackup({ ...wish({ file, folder: target.folder }), replace: true })).rejects.toMatchObject({
      code: "store.held",
    });
    const held = await readAll(present.db);
    await present[Symbol.asyncDispose]();
    await expect(restoreBackup(wish({ file, folder: target.folder }))).rejects.toMatchObject({ code: "restore.not-empty" });
    const { aside } = await restoreBackup({ ...wish({ file, folder: target.folder }), replace: true });
    const again = await openIn(target.folder);
    expect((await readAll(again.db)).facts).toEqual(before.facts);
    await again[Symbol.asyncDispose]();
    // Put back, it is what it was.
    await rm(join(target.folder, "store", "pg"), { recursive: true });
    renameSync(join(aside ?? "", "pg"), join(target.folder, "store", "pg"));
    await using old = await openIn(target.folder);
    expect(await readAll(old.db)).toEqual(held);
  });

  it("under another key is refused with what would happen, and done where that is accepted", async () => {
    await using target = await openTarget({ withKey: false });
    const restoring = () => restoreBackup(wish({ file, folder: target.folder }));
    await expect(restoring()).rejects.toMatchObject({ code: "restore.key", remedy: expect.stringContaining("second time") });
    await rm(sealKey(target.folder));
    await expect(restoring()).rejects.toMatchObject({ code: "restore.key", message: expect.stringContaining("is missing") });
    expect(existsSync(join(target.folder, "store"))).toBe(false);
    expect(await restoreBackup({ ...wish({ file, folder: target.folder }), newKey: true })).toMatchObject({ sameKey: false });
    expect(existsSync(sealKey(target.folder))).toBe(false);
  });

  it("under the same key takes no archive that somebody without it has written", async () => {
    const { splitTar, joinTar } = await import("../helpers/archives.ts");
    const entries = splitTar(readFileSync(file));
    const text = entries[0]?.toString("utf8", 512).replace(/\0+$/, "") ?? "";
    const forged = text.replace('"version":"0.1.0"', '"version":"9.9.9"');
    expect(forged).not.toBe(text);
    const first = Buffer.concat([entries[0]?.subarray(0, 512) ?? Buffer.alloc(0), Buffer.from(forged)]);
    const padded = Buffer.concat([first, Buffer.alloc((512 - (first.length % 512)) % 512)]);
    const path = join(elsewhere, "forged.tar.gz");
    writeFileSync(path, joinTar([padded, ...entries.slice(1)]));
    await using target = await openTarget();
    await expect(restoreBackup(wish({ file: path, folder: target.folder }))).rejects.toMatchObject({ code: "backup.damaged" });
    expect(existsSync(join(target.folder, "store"))).toBe(false);
  });

  it("of an Airlock whose rows are on a server has the work alone, and wants the server there", async () => {
    const path = join(elsewhere, "server.tar.gz");
    const made = await makeBackup({ ...partsOf(folder, store.db), embedded: false }, path);
    expect([made.rows, made.work]).toEqual([undefined, []]);
    await using target = await openTarget();
    await expect(restoreBackup(wish({ file: path, folder: target.folder }))).rejects.toMatchObject({
      code: "restore.on-server",
      remedy: expect.stringContaining("PostgreSQL's own tools"),
    });
    await restoreBackup({ ...wish({ file: path, folder: target.folder }), onServer: true });
    const names = readdirSync(join(target.folder, "store")).filter((name) => !name.startsWith("lock."));
    expect(names).toEqual([expect.stringMatching(/^restored-/)]);
  });

  it("where the rows are on a server is refused with the way to go", async () => {
    await using target = await openTarget();
    const restoring = restoreBackup({ ...wish({ file, folder: target.folder }), onServer: true });
    await expect(restoring).rejects.toMatchObject({
      code: "restore.on-server",
      remedy: expect.stringContaining("./airlock migrate"),
    });
  });

  it("that is killed in the midst leaves the store that stood there, and is whole when it is repeated", async () => {
    await using target = await openTarget();
    const present = await openIn(target.folder);
    await liveOn(present, { name: "present", number: 7, facts: 2, end: true });
    const held = await readAll(present.db);
    await present[Symbol.asyncDispose]();
    await using frame = await openCommandFrame();
    const args = ["restore", file, "--replace", "--json", "--data", target.folder];
    const command = frame.start(args);
    const places = () => readdirSync(join(target.folder, "store"));
    await until("half of the new store", () =>
      places().some((name) => name.startsWith("restoring-") && existsSync(join(target.folder, "store", name, "pg"))),
    );
    command.signal("SIGKILL");
    expect((await command.ended()).code).toBeUndefined();
    expect(places().filter((name) => name.startsWith("restored-"))).toEqual([]);
    const old = await openIn(target.folder);
    expect(await readAll(old.db)).toEqual(held);
    await old[Symbol.asyncDispose]();
    const again = await frame.run(args);
    expect(again, again.err).toMatchObject({ code: 0 });
    expect(places().filter((name) => name.startsWith("restoring-"))).toEqual([]);
    await using whole = await openIn(target.folder);
    expect((await readAll(whole.db)).facts).toEqual(before.facts);
  });

  it("that was decided is carried to its end by whoever takes the folder next, wherever it was killed", async () => {
    await using target = await openTarget();
    const present = await openIn(target.folder);
    await liveOn(present, { name: "present", number: 7, facts: 2, end: true });
    await present[Symbol.asyncDispose]();
    await restoreBackup({ ...wish({ file, folder: target.folder }), replace: true });
    const at = (...names: string[]) => join(target.folder, "store", ...names);
    const [restored = ""] = readdirSync(at()).filter((name) => name.startsWith("restored-"));
    const [replaced = ""] = readdirSync(at()).filter((name) => name.startsWith("replaced-"));
    const stopped = {
      "before anything was moved": () => {
        renameSync(at("pg"), at(restored, "pg"));
        renameSync(at(replaced, "pg"), at("pg"));
        rmSyncEmpty(at(replaced));
      },
      "between the two": () => renameSync(at("pg"), at(restored, "pg")),
    };
    for (const [when, undo] of Object.entries(stopped)) {
      undo();
      const again = await openIn(target.folder);
      expect((await readAll(again.db)).facts, when).toEqual(before.facts);
      await again[Symbol.asyncDispose]();
      expect(existsSync(at(replaced, "pg")), when).toBe(true);
    }
    // And one that was not decided leaves the store as it is.
    mkdirSync(at("restoring-x", "pg"), { recursive: true });
    await using again = await openIn(target.folder);
    expect((await readAll(again.db)).facts).toEqual(before.facts);
  });
});

function rmSyncEmpty(path: string): void {
  expect(readdirSync(path)).toEqual([]);
}

describe("before a schema migration", { timeout: 180_000 }, () => {
  /** A store as the version before left it: everything but the last migration, and a run. */
  async function openOld(): Promise<Awaited<ReturnType<typeof openTarget>>> {
    const target = await openTarget();
    const path = join(target.folder, "store");
    mkdirSync(path, { mode: 0o700 });
    const { db, close } = await openEmbedded(path, () => {});
    await migrateTo(db, Object.keys(migrations).slice(0, -1));
    await sql`insert into runs (id, page_key, cause_key, installation_id, repository_id, subject_number, request, state, at, created_at_ms, updated_at_ms)
      values ('aaaaaaaaaaaaaaaa', 'p', 'c', 1, 2, 3, '{}', '{"at":"ended"}', 'ended', 1, 1)`.execute(db);
    await close();
    return target;
  }
  const start = (path: string, backUp = (db: Store["db"], next: string) => backUpBeforeMigration(partsOf(path, db), next)) =>
    openStore({ folder: path, onQueueError: () => {}, backUp });
  const automatic = (path: string) => readdirSync(join(path, "backups")).sort();
  const last = Object.keys(migrations).at(-1) ?? "";

  it("a backup is made once, which restores to the version before; a fresh store makes none", async () => {
    await using old = await openOld();
    await (await start(old.folder))[Symbol.asyncDispose]();
    expect(automatic(old.folder)).toEqual([expect.stringMatching(new RegExp(`^before-${last}-\\d{4}-.*\\.tar\\.gz$`))]);
    await (await start(old.folder))[Symbol.asyncDispose]();
    expect(automatic(old.folder)).toHaveLength(1);

    const path = join(old.folder, "backups", automatic(old.folder)[0] ?? "");
    await using target = await openTarget();
    await restoreBackup(wish({ file: path, folder: target.folder }));
    const { db, close } = await openEmbedded(join(target.folder, "store"), () => {});
    expect(await listMigrations(db)).toEqual(Object.keys(migrations).slice(0, -1));
    expect((await readAll(db)).runs).toHaveLength(1);
    await close();
    // And goes forward again.
    await using again = await start(target.folder);
    expect(isLatest(await listMigrations(again.db))).toBe(true);

    await using fresh = await openTarget();
    await using _ = await start(fresh.folder);
    expect(existsSync(join(fresh.folder, "backups"))).toBe(false);
  });

  it("nothing is changed where no backup can be made, and one state of the store makes one file however often it is tried", async () => {
    await using old = await openOld();
    writeFileSync(join(old.folder, "backups"), "a file in the folder's place");
    await expect(start(old.folder)).rejects.toMatchObject({
      code: "backup.before-migration",
      remedy: expect.stringContaining("room"),
    });
    const look = async () => {
      const { db, close } = await openEmbedded(join(old.folder, "store"), () => {});
      const seen = await listMigrations(db);
      await close();
      return seen;
    };
    expect(await look()).toEqual(Object.keys(migrations).slice(0, -1));
    await rm(join(old.folder, "backups"));
    // Five starts that die between the backup and the migration; earlier ones of other states, and one of the operator's.
    mkdirSync(join(old.folder, "backups"));
    const others = ["2024-01-01T00-00-00-000Z", "2024-02-01T00-00-00-000Z", "2024-03-01T00-00-00-000Z"];
    for (const time of others) writeFileSync(join(old.folder, "backups", `before-0002-evidence-chain-${time}.tar.gz`), "");
    writeFileSync(join(old.folder, "backups", "airlock-2024-01-01T00-00-00-000Z.tar.gz"), "");
    for (let n = 0; n < 3; n++) {
      const dying = start(old.folder, async (db, next) => {
        await backUpBeforeMigration(partsOf(old.folder, db), next);
        throw new Error("killed");
      });
      await expect(dying).rejects.toThrow("killed");
    }
    const left = automatic(old.folder);
    expect(left).toEqual([
      "airlock-2024-01-01T00-00-00-000Z.tar.gz",
      ...others.slice(1).map((time) => `before-0002-evidence-chain-${time}.tar.gz`),
      expect.stringContaining(`before-${last}`),
    ]);
  });
});
