import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createThrottle } from "../../../src/github/throttle.ts";
import { createHeartbeat } from "../../../src/reconcile/heartbeat.ts";
import { type Perform, passRun } from "../../../src/reconcile/loop.ts";
import { claimRun, renewLeases } from "../../../src/store/queries/lease.ts";
import { findRun } from "../../../src/store/queries/runs.ts";
import { addHeldRun, claimantOf, openTestStore } from "../../helpers/store.ts";

let store: Awaited<ReturnType<typeof openTestStore>>;
beforeAll(async () => {
  store = await openTestStore();
}, 60_000);
afterAll(() => store[Symbol.asyncDispose]());

const passing = (name: string, parts: { nowMs(): number; mayJudge(): boolean }) => ({
  ...{ db: store.db, queue: store.queue, changes: store.changes, claimant: claimantOf(`${name}:1`, name) },
  ...{ cutOff: async () => {}, log: pino({ level: "silent" }), ...parts },
  observe: async () => ({}) as never,
  perform: new Proxy({}, { get: () => async () => undefined }) as Perform,
});

async function workingOn(machine: string, name: string, number: number, atMs: number) {
  const run = await addHeldRun(store, { name, number, holder: `${machine}:1`, nowMs: atMs });
  await store.db
    .updateTable("runs")
    .set({ machine, holder: `${machine}:1` })
    .where("id", "=", run.id)
    .execute();
  await renewLeases(store.db, `${machine}:1`, atMs + 30_000);
  return run.id;
}

it("takes nobody's run over after the database was away for all, until the others had time to say that they live", async () => {
  const beginMs = Date.now();
  let nowMs = beginMs;
  const clock = () => nowMs;
  const heartOf = (machine: string) =>
    createHeartbeat({
      ...{ db: store.db, gateway: { findLimit: async () => undefined }, credential: "c", nowMs: clock, spanMs: 30_000 },
      ...{ onClock: () => {}, machine: { machine, labels: [], places: 1, version: "1" } },
      github: { app: "1", throttle: createThrottle({ nowMs: clock }) },
      clockOffMs: async () => 0,
    });
  const [a, b] = [heartOf("aaaa"), heartOf("bbbb")];
  await a.beat();
  await b.beat();
  const run = await workingOn("aaaa", "outage", 1, nowMs);
  // The database is away for three minutes: nobody's beat gets through. Then B is the first that is woken.
  nowMs += 180_000;
  const seen = async () => (await findRun(store.db, run))?.fence;
  const before = await seen();
  expect(await passRun(passing("bbbb", { nowMs: clock, mayJudge: b.mayJudge }), run)).toEqual({ elsewhere: true });
  await b.beat();
  expect(await passRun(passing("bbbb", { nowMs: clock, mayJudge: b.mayJudge }), run)).toEqual({ elsewhere: true });
  expect(await seen()).toBe(before);
  // One that stays silent is lost all the same.
  for (let n = 0; n < 7; n++) {
    nowMs += 5_000;
    await b.beat();
  }
  expect(b.mayJudge()).toBe(true);
  expect(await claimRun(store.db, { ...claimantOf("bbbb:1", "bbbb"), run, nowMs, leaseMs: 30_000 })).toMatchObject({
    takenFrom: "aaaa:1",
  });
});

it("takes nobody's run over by a clock that is not the database's, and does not look lost by its own", async () => {
  const heartOf = (machine: string, nowMs: () => number) =>
    createHeartbeat({
      ...{ db: store.db, gateway: { findLimit: async () => undefined }, credential: "c", nowMs, spanMs: 30_000 },
      ...{ onClock: () => {}, machine: { machine, labels: [], places: 1, version: "1" } },
      github: { app: "1", throttle: createThrottle({ nowMs }) },
    });
  const ahead = heartOf("cccc", () => Date.now() + 300_000);
  await ahead.beat();
  expect(ahead.mayJudge()).toBe(false);
  const behindMs = () => Date.now() - 300_000;
  await heartOf("dddd", behindMs).beat();
  const run = await workingOn("dddd", "clock", 2, behindMs());
  expect(await claimRun(store.db, { ...claimantOf("eeee:1", "eeee"), run, nowMs: Date.now(), leaseMs: 30_000 })).toBeUndefined();
});

it("takes its part of what GitHub counts together, and waits where any machine was told to", async () => {
  let nowMs = Date.now() + 10_000_000;
  const clock = () => nowMs;
  const made = (machine: string) => {
    const throttle = createThrottle({ nowMs: clock, windows: [{ of: "content", most: 10, withinMs: 60_000 }] });
    const parts = { db: store.db, gateway: { findLimit: async () => undefined }, credential: "c", nowMs: clock, spanMs: 30_000 };
    const heart = createHeartbeat({
      ...{ ...parts, onClock: () => {}, machine: { machine, labels: [], places: 1, version: "1" }, clockOffMs: async () => 0 },
      github: { app: "77", throttle },
    });
    return { ...heart, throttle };
  };
  const passed = (throttle: ReturnType<typeof createThrottle>) => {
    let count = 0;
    while (throttle.admit("POST", "/repos/a/b/issues") === 0) count += 1;
    return count;
  };
  const [one, two] = [made("xxxx"), made("yyyy")];
  await one.beat();
  expect(passed(one.throttle)).toBe(10);
  nowMs += 61_000;
  for (const each of [one, two, one]) await each.beat();
  expect([passed(one.throttle), passed(two.throttle)]).toEqual([5, 5]);
  // One is told to wait, and the other hears of it; who is away counts no more.
  nowMs += 61_000;
  two.throttle.pause(20_000);
  for (const each of [two, one]) await each.beat();
  expect(one.throttle.admit("GET", "/repos/a/b")).toBe(20_000);
  nowMs += 40_000;
  await one.beat();
  expect(passed(one.throttle)).toBe(10);
});
