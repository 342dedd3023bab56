import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type LoopParts, type Perform, passRun } from "../../../src/reconcile/loop.ts";
import { startWorker } from "../../../src/reconcile/worker.ts";
import type { Fact } from "../../../src/run/fact.ts";
import type { RunId } from "../../../src/run/identity.ts";
import type { Seen } from "../../../src/run/seen.ts";
import { appendFact, factsOf } from "../../../src/store/queries/facts.ts";
import { claimRun } from "../../../src/store/queries/lease.ts";
import { findRun, type RunRow } from "../../../src/store/queries/runs.ts";
import { httpError } from "../../helpers/http-error.ts";
import { addHeldRun, claimantOf, openTestStore, sha } from "../../helpers/store.ts";

const pins = { targetBranch: "main", baseSha: sha("a") };
const stand = { branch: "agent/issue-1", sha: sha("b"), startCommit: true, checkRunId: 1, commentId: 2 };
const working = { at: "working", pins, stand, slot: { uid: 300_001 }, startedAtMs: 0, deadlineAtMs: 9_000_000 } as const;

let store: Awaited<ReturnType<typeof openTestStore>>;
let nowMs = 1_000_000;
let number = 0;
let seen: Partial<Seen> = {};
let does: Partial<Perform> = {};
/** What the parts were asked to do to a former holder: fails where it says so. */
let cutOff: (run: RunId) => Promise<void> = async () => {};
let mayJudge = true;
beforeAll(async () => {
  store = await openTestStore();
}, 60_000);
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(() => {
  nowMs = 1_000_000;
  seen = {};
  does = {};
  cutOff = async () => {};
  mayJudge = true;
});

function partsOf(): LoopParts {
  const unexpected = async (_run: RunRow, step: { do: string }): Promise<never> => {
    throw new Error(`nobody expected ${step.do}`);
  };
  const perform = new Proxy({}, { get: (_, name) => does[name as keyof Perform] ?? unexpected }) as Perform;
  const calm: Seen = {
    slotFree: false,
    sandbox: { state: "running" },
    watched: true,
    keyRefused: false,
    outputFull: false,
    reportDue: false,
  };
  return {
    db: store.db,
    queue: store.queue,
    changes: store.changes,
    claimant: claimantOf("me"),
    mayJudge: () => mayJudge,
    cutOff: (run) => cutOff(run),
    observe: async () => ({ ...calm, upkept: { atMs: nowMs, failed: false }, ...seen }),
    perform,
    log: pino({ level: "silent" }),
    nowMs: () => nowMs,
  };
}

async function newRun(holder = "me"): Promise<RunRow> {
  number++;
  return addHeldRun(store, { name: `worker${"abcdefghijklmnopqrst".charAt(number)}`, number, holder });
}

async function atWork(): Promise<RunRow> {
  const run = await newRun();
  const fact: Fact = { is: "launched", atMs: 0, deadlineAtMs: 9_000_000 };
  const state = { ...working, slot: { uid: 300_000 + number } };
  await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact, state, nowMs });
  return run;
}

/** Takes what earlier tests left out of the way of those that look at all open runs. */
async function endAll(): Promise<void> {
  await store.db
    .updateTable("runs")
    .set({ at: "ended", state: JSON.stringify({ at: "ended", ending: { outcome: "failed" } }), uid: null })
    .execute();
}

async function again(id: RunId): Promise<RunRow> {
  const run = await findRun(store.db, id);
  if (!run) throw new Error("the run is gone");
  return run;
}

const announced: Partial<Perform> = {
  pin: async () => ({ is: "pinned", pins }),
  announce: async () => ({ is: "announced", stand }),
};

describe("a pass", () => {
  it("carries a run as far as it goes, and keeps each fact with the state that it led to", async () => {
    const run = await newRun();
    does = announced;
    expect(await passRun(partsOf(), run.id)).toEqual({ elsewhere: true });
    expect((await again(run.id)).state).toEqual({ at: "queued", pins, stand });
    expect((await factsOf(store.db, run.id)).map(({ fact }) => fact.is)).toEqual(["pinned", "announced"]);
  });

  it("leaves a run alone that somebody else holds", async () => {
    const run = await newRun("other");
    expect(await passRun(partsOf(), run.id)).toEqual({ elsewhere: true });
    expect((await again(run.id)).state.at).toBe("accepted");
  });

  it("[48] takes a run from one who only may be slow after what that one could act with is dead, however often that fails", async () => {
    const run = await newRun("slow");
    nowMs += 30_001;
    const order: string[] = [];
    does = {
      pin: async () => {
        order.push("pin");
        return { is: "pinned", pins };
      },
      announce: async () => ({ is: "announced", stand }),
    };
    cutOff = async () => {
      order.push("cut off");
      if (order.length < 3) throw new Error("GitHub does not answer");
    };
    await expect(passRun(partsOf(), run.id)).rejects.toThrow("GitHub does not answer");
    await expect(passRun(partsOf(), run.id)).rejects.toThrow("GitHub does not answer");
    expect(await passRun(partsOf(), run.id)).toEqual({ elsewhere: true });
    expect(order).toEqual(["cut off", "cut off", "cut off", "pin"]);
    // From itself nobody is cut off.
    await passRun(partsOf(), run.id);
    expect(order).toHaveLength(4);
  });

  it("[48] writes nothing when the run was taken over during its step", async () => {
    const run = await newRun();
    does = {
      pin: async () => {
        await claimRun(store.db, { ...claimantOf("other"), run: run.id, nowMs: nowMs + 30_001, leaseMs: 30_000 });
        return { is: "pinned", pins };
      },
    };
    await expect(passRun(partsOf(), run.id)).rejects.toMatchObject({ code: "run.lost" });
    expect((await again(run.id)).state.at).toBe("accepted");
  });

  it("puts a step off that failed in passing, and comes back for it", async () => {
    const run = await newRun();
    does = {
      pin: async () => {
        throw httpError(502);
      },
    };
    expect(await passRun(partsOf(), run.id)).toEqual({ wakeAtMs: nowMs + 500 });
    expect(await again(run.id)).toMatchObject({ tries: 1, state: { at: "accepted" } });
    does = announced;
    expect(await passRun(partsOf(), run.id)).toEqual({ wakeAtMs: nowMs + 500 });
    nowMs += 500;
    await passRun(partsOf(), run.id);
    expect(await again(run.id)).toMatchObject({ tries: 0, state: { at: "queued" } });
  });

  it("ends a run whose step is refused for good, with the reason, and closes it", async () => {
    const run = await newRun();
    does = {
      pin: async () => {
        throw httpError(403, { message: "Resource not accessible by integration" });
      },
      close: async () => ({ is: "closed" }),
    };
    await passRun(partsOf(), run.id);
    expect((await again(run.id)).state).toMatchObject({
      at: "ended",
      ending: {
        outcome: "failed",
        reason: { code: "github.refused", words: "GitHub answered 403: Resource not accessible by integration." },
      },
    });
  });

  it("goes on with its work where only its progress could not be told", async () => {
    const run = await atWork();
    let told = 0;
    does = {
      report: async () => {
        told++;
        seen = { reportDue: false };
        throw httpError(502);
      },
    };
    for (let n = 0; n < 12; n++) {
      seen = { reportDue: true };
      expect(await passRun(partsOf(), run.id)).toEqual({ wakeAtMs: nowMs + 30_000 });
      nowMs += 20_000;
    }
    expect(told).toBe(12);
    expect(await again(run.id)).toMatchObject({
      tries: 0,
      notBeforeMs: 0,
      reportedAtMs: nowMs - 20_000,
      state: { at: "working" },
    });
  });

  it("shows a decision that never comes to rest, instead of spinning", async () => {
    const run = await atWork();
    let times = 0;
    seen = { watched: false };
    does = {
      watch: async () => {
        times++;
        return undefined;
      },
    };
    expect(await passRun(partsOf(), run.id)).toEqual({});
    expect(times).toBe(100);
  });
});

describe("the worker", () => {
  it("keeps no place of the queue for a wake-up of what is in hand, and looks again for it", async () => {
    await endAll();
    const run = await newRun();
    type Handlers = Parameters<LoopParts["queue"]["work"]>[0];
    const [taken, held, began] = [
      Promise.withResolvers<Handlers>(),
      Promise.withResolvers<void>(),
      Promise.withResolvers<void>(),
    ];
    const queue = { ...store.queue, work: async (handlers: Handlers) => taken.resolve(handlers), wakeRun: async () => {} };
    let looks = 0;
    let deliveries = 0;
    does = {
      ...announced,
      pin: async () => {
        began.resolve();
        await held.promise;
        return { is: "pinned", pins };
      },
    };
    const worker = await startWorker({
      ...partsOf(),
      queue,
      observe: async (one) => {
        if (one.state.at === "queued") looks++;
        return partsOf().observe(one);
      },
      beat: async () => {},
      tidy: async () => {},
      handleDelivery: async () => {
        deliveries++;
        await held.promise;
      },
      atOnce: 2,
      tickMs: 1_000_000,
    });
    const handlers = await taken.promise;
    const first = [handlers.run(run.id), handlers.delivery("d-1")];
    await began.promise;
    // Each would hold a place for as long as the first one takes.
    for (let n = 0; n < 5; n++) await Promise.all([handlers.run(run.id), handlers.delivery("d-1")]);
    held.resolve();
    await Promise.all(first);
    await worker.idle();
    expect((await again(run.id)).state.at).toBe("queued");
    expect([deliveries, looks]).toEqual([1, 2]);
    await worker[Symbol.asyncDispose]();
  });
});

describe("a run that ends", () => {
  it("wakes the one that waits for its slot", async () => {
    await endAll();
    const ending = await atWork();
    const waiting = await newRun();
    const fact: Fact = { is: "announced", stand };
    const queued = { at: "queued", pins, stand } as const;
    await appendFact(store.db, store.queue, { run: waiting.id, fence: waiting.fence, fact, state: queued, nowMs });
    const woken: string[] = [];
    const queue = {
      ...store.queue,
      wakeRun: async (run: RunId) => {
        woken.push(run);
      },
    };
    const end = { at: "ended", ending: { outcome: "no_changes" } } as const;
    await appendFact(store.db, queue, { run: ending.id, fence: ending.fence, fact: { is: "closed" }, state: end, nowMs });
    expect(woken).toEqual([waiting.id]);
  });
});
