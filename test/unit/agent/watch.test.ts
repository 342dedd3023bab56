import { PassThrough } from "node:stream";
import {
  type CompiledQuery,
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { createWatchers } from "../../../src/agent/watch.ts";
import type { Engine } from "../../../src/sandbox/engine.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import type { Schema } from "../../../src/store/schema.ts";

const frame = (line: string): Buffer => {
  const bytes = Buffer.from(`2026-11-24T23:33:31.123456789Z ${line}\n`);
  const head = Buffer.alloc(8);
  head[0] = 1;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
};

/** One sandbox that has ended, and what it printed. */
const engineOf = (lines: readonly string[]) => {
  const logs = async () => {
    const log = new PassThrough();
    log.end(Buffer.concat(lines.map(frame)));
    return log;
  };
  const inspect = async () => ({ Id: "c1", State: { Status: "exited", ExitCode: 0, OOMKilled: false, Pid: 0 }, Mounts: [] });
  const docker = { listContainers: async () => [{ Id: "c1" }], getContainer: () => ({ logs, inspect }) };
  return { docker } as unknown as Engine;
};

/** A store that takes everything. */
class Taking extends DummyDriver {
  #writes: { events: number };
  constructor(writes: { events: number }) {
    super();
    this.#writes = writes;
  }
  override async acquireConnection(): Promise<DatabaseConnection> {
    return {
      executeQuery: async <R>({ sql }: CompiledQuery) => {
        if (sql.includes("into events")) this.#writes.events += 1;
        return { rows: [{}] as R[] };
      },
      streamQuery: async function* () {},
    };
  }
}
const writes = { events: 0 };
const db = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new Taking(writes),
    createIntrospector: (of) => new PostgresIntrospector(of),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

describe("the output of a sandbox", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  it.each([
    ["as a line of the sandbox's own", `{"airlock":"x","a":${deep}}`],
    ["as a tool's input", `{"type":"assistant","message":{"content":[{"type":"tool_use","id":"a","name":"X","input":${deep}}]}}`],
  ])("[51] is read to its end behind a line that nests without end, %s", async (_, line) => {
    await using watchers = createWatchers({
      ...{ db, engine: engineOf([line, '{"type":"result","result":"Done."}']), gateway: undefined as never, instance: "i" },
      ...{
        changes: { touch: () => {} } as never,
        redact: (text) => text,
        wake: () => {},
        nowMs: Date.now,
        log: pino({ level: "silent" }),
      },
    });
    const run = { id: "aaaaaaaaaaaaaaaa", fence: 1, state: { at: "working" } } as unknown as RunRow;
    watchers.output(run);
    await watchers.drain(run.id);
    // Undefined: what it read broke off, and would again at each look. Such a run is never judged, not even by its deadline.
    expect(watchers.see(run.id)).toMatchObject({ drained: true, pulse: { answered: true } });
  });

  it("[38] is read to its end and not kept without end where it is one word for ever", async () => {
    writes.events = 0;
    await using watchers = createWatchers({
      ...{ db, engine: engineOf([...Array(30_000).fill("y"), '{"type":"result","result":"Done."}']) },
      ...{ gateway: undefined as never, instance: "i", changes: { touch: () => {} } as never },
      ...{ redact: (text) => text, wake: () => {}, nowMs: Date.now, log: pino({ level: "silent" }) },
    });
    const run = { id: "aaaaaaaaaaaaaaaa", fence: 1, state: { at: "working" } } as unknown as RunRow;
    watchers.output(run);
    await watchers.drain(run.id);
    expect(watchers.see(run.id)).toMatchObject({ drained: true, pulse: { answered: true } });
    expect(writes.events).toBeLessThan(20_100);
  });

  it("is given up where the engine cannot give it for a minute, and the transcript says so", async () => {
    writes.events = 0;
    let nowMs = 0;
    const engine = engineOf([]);
    let logs = (): Promise<PassThrough> => Promise.reject(new Error("invalid character in the log"));
    const broken = Object.assign(engine.docker, {
      getContainer: () => ({
        logs: () => logs(),
        inspect: async () => ({ Id: "c1", State: { Status: "exited", ExitCode: 0, OOMKilled: false, Pid: 0 }, Mounts: [] }),
      }),
    });
    const woken: string[] = [];
    await using watchers = createWatchers({
      ...{ db, engine: { ...engine, docker: broken }, gateway: undefined as never, instance: "i" },
      ...{ changes: { touch: () => {} } as never, redact: (text) => text, wake: (id) => void woken.push(id), nowMs: () => nowMs },
      log: pino({ level: "silent" }),
    });
    const run = { id: "aaaaaaaaaaaaaaaa", fence: 1, state: { at: "working" } } as unknown as RunRow;
    const tryAt = async (atMs: number) => {
      nowMs = atMs;
      watchers.output(run);
      await watchers.drain(run.id);
      return watchers.isUnreadable(run.id);
    };
    // An engine that is only started again is waited for.
    expect([await tryAt(0), await tryAt(30_000), await tryAt(59_999)]).toEqual([false, false, false]);
    expect(woken).toEqual([]);
    expect([await tryAt(60_000), await tryAt(90_000)]).toEqual([true, true]);
    expect(writes.events).toBe(1);
    expect(woken).toEqual([run.id]);
    // One that can be read after all is waited for to its end.
    const log = new PassThrough();
    logs = async () => log;
    watchers.output(run);
    expect(watchers.isUnreadable(run.id)).toBe(false);
    log.end(frame('{"type":"result","result":"Done."}'));
    await watchers.drain(run.id);
    expect(watchers.see(run.id)).toMatchObject({ drained: true });
  });
});
