import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect } from "vitest";
import type { BackupParts } from "../../src/backup/make.ts";
import type { RunId } from "../../src/run/identity.ts";
import { openSeal } from "../../src/secret/seal.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { addDelivery } from "../../src/store/queries/deliveries.ts";
import { appendFact } from "../../src/store/queries/facts.ts";
import { addEvents } from "../../src/store/queries/record.ts";
import { listTables } from "../../src/store/tables.ts";
import { addHeldRun } from "./store.ts";

/** A data folder of its own, which goes with it. */
export async function openDataFolder(): Promise<{ folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-data-"));
  await mkdir(join(folder, "keys"), { mode: 0o700 });
  openSeal(sealKey(folder));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export const sealKey = (folder: string) => join(folder, "keys", "seal.key");

export const openIn = (folder: string): Promise<Store> =>
  openStore({
    folder,
    onQueueError: (error) => {
      throw error;
    },
  });

export function partsOf(folder: string, db: Store["db"]): BackupParts {
  return {
    ...{ db, embedded: true, folder, seal: openSeal(sealKey(folder)), version: "0.1.0", nowMs: Date.now },
    openGit: async () => ({ git: { listRuns: async () => [] } as never, [Symbol.asyncDispose]: async () => {} }),
  };
}

/** One life of a run, whose state always says how many facts it has. `end`: it ends with the last of them. */
export async function liveOn(store: Store, of: { name: string; number: number; facts: number; end: boolean }): Promise<RunId> {
  const { db, queue } = store;
  const run = await addHeldRun(store, { name: of.name, number: of.number, nowMs: of.number + 1 });
  await addDelivery(db, queue, {
    id: `d-${run.id}`,
    event: "issues",
    payload: { title: "\u2028 \u0001 'ä' \\ \"" },
    receivedAtMs: 1,
  });
  for (let n = 1; n <= of.facts; n++) {
    const ended = of.end && n === of.facts;
    const words = `${n}`;
    await addEvents(db, run.id, run.fence, [{ id: `e${n}`, atMs: n, kind: "say", text: `line\u2028${n}\r\nmore` }]);
    await appendFact(db, queue, {
      ...{ run: run.id, fence: run.fence, nowMs: n, fact: { is: "discarded", by: words } },
      state: ended
        ? { at: "ended", ending: { outcome: "failed", reason: { code: "x", words } } }
        : ({ at: "accepted", words } as never),
    });
  }
  return run.id;
}

/** Holds what must be true of any store at any moment: facts count from 1 without a gap, and the state is the one after the last. */
export async function expectConsistent(store: Store): Promise<number> {
  const { rows } = await sql<{ id: string; facts: number; last: number; said: number; events: number }>`select r.id,
      coalesce(r.state->>'words', r.state->'ending'->'reason'->>'words', '0')::int as said,
      (select count(*)::int from facts f where f.run = r.id) as facts, (select coalesce(max(seq), 0) from facts f where f.run = r.id) as last,
      (select count(*)::int from events e where e.run = r.id) as events
    from runs r`.execute(store.db);
  for (const { id, facts, last, said, events } of rows) {
    expect([last, said], `facts of ${id}`).toEqual([facts, facts]);
    // Each fact comes after its event.
    expect([0, 1], `events of ${id}`).toContain(events - facts);
  }
  for (const table of ["facts", "events", "evidence", "grants", "commands", "papers", "branches"]) {
    const orphans = sql`select 1 from ${sql.table(table)} t where run is not null and not exists (select 1 from runs r where r.id = t.run)`;
    expect((await orphans.execute(store.db)).rows, table).toEqual([]);
  }
  return rows.length;
}

/** Every row of every table, as the database itself prints it, in one order on both engines. */
export async function readAll(db: Store["db"]): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const table of await listTables(db)) {
    const { rows } = await sql<{ row: string }>`select row_to_json(t)::text as row from ${sql.table(table)} t`.execute(db);
    all[table] = rows.map(({ row }) => row).sort();
  }
  return all;
}
