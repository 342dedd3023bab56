import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fact } from "../../src/run/fact.ts";
import type { Store } from "../../src/store/open.ts";
import { commandsOf, fileCommand } from "../../src/store/queries/commands.ts";
import { addDelivery, findWaitingDelivery, markDeliveryHandled } from "../../src/store/queries/deliveries.ts";
import { appendFact, factsOf, markReported, postponeRun } from "../../src/store/queries/facts.ts";
import { claimRun, releaseLeases, renewLeases } from "../../src/store/queries/lease.ts";
import { findPaper, putPaper } from "../../src/store/queries/papers.ts";
import { addBranchTip, ownerOfTip, takeNotice } from "../../src/store/queries/places.ts";
import { addEvents, addEvidence, evidenceOf, lastLink, transcriptOf } from "../../src/store/queries/record.ts";
import { addRun, findActiveRun, findRun, queuePosition, type RunRow } from "../../src/store/queries/runs.ts";
import { slotIsFree, takeUid } from "../../src/store/queries/slots.ts";
import { addHeldRun, requestOf, runId, sha } from "./store.ts";

const closed: Fact = { is: "closed" };
const pins = { targetBranch: "main", baseSha: sha("a") };
const stand = { branch: "agent/issue-1", sha: sha("b"), startCommit: true, checkRunId: 1, commentId: 2 };
const range = { first: 300_000, count: 50 };

/** What every store must do, whatever engine is under it. */
export function describeStore<Opened extends Store & { queueErrors: unknown[] }>(open: () => Promise<Opened>): () => Opened {
  let store: Opened;
  beforeAll(async () => {
    store = await open();
  }, 60_000);
  afterAll(async () => {
    expect(store.queueErrors).toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  async function again(run: RunRow): Promise<RunRow> {
    const found = await findRun(store.db, run.id);
    if (!found) throw new Error("the run is gone");
    return found;
  }

  async function end(...runs: RunRow[]): Promise<void> {
    for (const run of runs)
      await appendFact(store.db, store.queue, {
        run: run.id,
        fence: (await again(run)).fence,
        fact: closed,
        state: { at: "ended", ending: { outcome: "no_changes" } },
        nowMs: 2,
      });
  }

  async function queued(name: string, number: number, nowMs: number): Promise<RunRow> {
    const run = await addHeldRun(store, { name, number, nowMs });
    const fact: Fact = { is: "announced", stand };
    await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact, state: { at: "queued", pins, stand }, nowMs });
    return again(run);
  }

  describe("a delivery", () => {
    const delivery = { id: "d-1", event: "issues", payload: { action: "labeled", n: 1 }, receivedAtMs: 1_700_000_000_123 };

    it("that comes fifty times at once is stored once, as it came first", async () => {
      const copies = Array.from({ length: 50 }, (_, n) => ({ ...delivery, payload: { action: "labeled", n: n + 1 } }));
      const answers = await Promise.all(copies.map((copy) => addDelivery(store.db, store.queue, copy)));
      expect(answers.filter((answer) => answer === "new")).toHaveLength(1);
      expect(await findWaitingDelivery(store.db, "d-1")).toEqual(delivery);
    });

    it("waits until it was handled, and keeps the first note", async () => {
      await markDeliveryHandled(store.db, "d-1", "run abc");
      await markDeliveryHandled(store.db, "d-1", "a run for this exists already");
      expect(await findWaitingDelivery(store.db, "d-1")).toBeUndefined();
      const row = await store.db.selectFrom("deliveries").select("note").where("id", "=", "d-1").executeTakeFirst();
      expect(row?.note).toBe("run abc");
      expect(await addDelivery(store.db, store.queue, delivery)).toBe("known");
      expect(await findWaitingDelivery(store.db, "d-1")).toBeUndefined();
    });

    it("whose text no database takes is stored with that mended", async () => {
      const payload = { comment: { body: "a\u0000b \ud800 c \\u0000" } };
      await addDelivery(store.db, store.queue, { ...delivery, id: "d-2", payload });
      expect((await findWaitingDelivery(store.db, "d-2"))?.payload).toEqual({ comment: { body: "a\ufffdb \ufffd c \\u0000" } });
    });
  });

  describe("a run", () => {
    const input = (name: string, number: number, causeKey: string) => ({
      id: runId(name),
      pageKey: `page-${name}`,
      causeKey,
      request: requestOf(number),
      nowMs: 5,
    });

    it("is one for each cause, ever, and one at a time for each issue", async () => {
      const asked = Array.from({ length: 20 }, (_, n) => input(`many${"abcdefghijklmnopqrst".charAt(n)}`, 1, "cause-1"));
      const added = await Promise.all(asked.map((one) => addRun(store.db, store.queue, one)));
      const first = added.find((one) => one.is === "added");
      expect(added.filter((one) => one.is === "added")).toHaveLength(1);
      expect(added.filter((one) => one.is === "duplicate")).toHaveLength(19);
      expect(await addRun(store.db, store.queue, input("other", 1, "cause-2"))).toEqual({ is: "busy", run: first?.run });
      expect(await findActiveRun(store.db, 500, 1)).toMatchObject({ id: first?.run, state: { at: "accepted" } });
      const run = await findRun(store.db, first?.run ?? runId("none"));
      if (run) await end(run);
      expect(await addRun(store.db, store.queue, input("late", 1, "cause-1"))).toEqual({ is: "duplicate", run: first?.run });
      expect((await addRun(store.db, store.queue, input("other", 1, "cause-2"))).is).toBe("added");
      const other = await findRun(store.db, runId("other"));
      if (other) await end(other);
    });

    it("belongs to its holder until the lease is over, and its fence goes up when it changes hands", async () => {
      const run = await addHeldRun(store, { name: "lease", number: 2, holder: "one" });
      const claim = (holder: string, nowMs: number) => claimRun(store.db, { run: run.id, holder, nowMs, leaseMs: 30_000 });
      expect(await claim("one", 1_010_000)).toBe(run.fence);
      expect(await claim("two", 1_020_000)).toBeUndefined();
      await renewLeases(store.db, "one", 1_100_000);
      expect(await claim("two", 1_090_000)).toBeUndefined();
      expect(await claim("two", 1_100_001)).toBe(run.fence + 1);
      expect(await claim("one", 1_100_002)).toBeUndefined();
      await releaseLeases(store.db, "two");
      expect(await claim("one", 1_100_003)).toBe(run.fence + 2);
      await end(run);
    });
  });

  describe("a writer that lost its run", () => {
    it("writes nothing more: no fact, no state, no note, no paper, no event, no evidence, no uid", async () => {
      const stale = await addHeldRun(store, { name: "fence", number: 3, holder: "old" });
      const { id: run, fence } = stale;
      const evidence = {
        run,
        seq: 1,
        atMs: 1,
        door: "git",
        method: "GET",
        target: "/",
        rule: "r",
        bytesIn: 0,
        bytesOut: 0,
      } as const;
      const row = { ...evidence, verdict: "allowed", status: 200, durationMs: 1 } as const;
      await claimRun(store.db, { run, holder: "new", nowMs: 1_030_001, leaseMs: 30_000 });
      const before = await again(stale);

      const write = { run, fence, fact: closed, state: { at: "ended", ending: { outcome: "failed" } }, nowMs: 9 } as const;
      await expect(appendFact(store.db, store.queue, write)).rejects.toMatchObject({ code: "run.lost" });
      await postponeRun(store.db, { run, fence, tries: 3, notBeforeMs: 99 });
      await markReported(store.db, { run, fence, digest: "x", nowMs: 9 });
      await expect(putPaper(store.db, { run, fence, kind: "session", text: "x" })).rejects.toMatchObject({ code: "run.lost" });
      await addEvents(store.db, run, fence, [{ id: "e", atMs: 1, kind: "say", text: "x" }]);
      await addEvidence(store.db, fence, row);
      expect(await takeUid(store.db, { run, fence, limit: 99, range })).toBeUndefined();

      expect(await again(stale)).toEqual(before);
      expect(await factsOf(store.db, run)).toEqual([]);
      expect(await findPaper(store.db, run, "session")).toBeUndefined();
      expect(await transcriptOf(store.db, run, 0, 10)).toEqual([]);
      expect(await evidenceOf(store.db, run)).toEqual([]);

      // The same by the one who holds it now, so that the test would see a write.
      const own = { run, fence: before.fence };
      await addEvents(store.db, run, own.fence, [{ id: "e", atMs: 1, kind: "say", text: "x" }]);
      await addEvidence(store.db, own.fence, row);
      await putPaper(store.db, { ...own, kind: "session", text: "x" });
      expect([(await transcriptOf(store.db, run, 0, 10)).length, (await lastLink(store.db, run)).seq]).toEqual([1, 1]);
      expect(await findPaper(store.db, run, "session")).toBe("x");
      await end(stale);
    });
  });

  describe("what a run tells", () => {
    it("is kept once, whatever is in it and however often it is read again", async () => {
      const run = await addHeldRun(store, { name: "record", number: 4 });
      const events = [
        { id: "1", atMs: 1, kind: "say", text: "nul \u0000 and half \udc00" },
        { id: "2", atMs: 2, kind: "tool", text: "ls", tool: "Bash" },
      ];
      await addEvents(store.db, run.id, run.fence, events);
      await addEvents(store.db, run.id, run.fence, events);
      expect((await transcriptOf(store.db, run.id, 0, 10)).map(({ id, text }) => [id, text])).toEqual([
        ["1", "nul \ufffd and half \ufffd"],
        ["2", "ls"],
      ]);
      await putPaper(store.db, { run: run.id, fence: run.fence, kind: "patch", text: "+a\u0000b" });
      await putPaper(store.db, { run: run.id, fence: run.fence, kind: "patch", text: "+c\u0000d" });
      expect(await findPaper(store.db, run.id, "patch")).toBe("+c\ufffdd");
      const reason = { code: "x", words: "nul \u0000" };
      const fact: Fact = { is: "failed", reason };
      const state = { at: "closing", ending: { outcome: "failed", reason } } as const;
      await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact, state, nowMs: 3 });
      expect((await again(run)).state).toMatchObject({ ending: { reason: { words: "nul \ufffd" } } });
      await end(run);
    });

    it("has its facts in the order in which they happened", async () => {
      const run = await addHeldRun(store, { name: "facts", number: 5 });
      const facts: Fact[] = [{ is: "pinned", pins }, { is: "announced", stand }, { is: "nothing-made" }];
      for (const [n, fact] of facts.entries())
        await appendFact(store.db, store.queue, {
          run: run.id,
          fence: run.fence,
          fact,
          state: { at: "accepted" },
          nowMs: 10 - n,
        });
      expect((await factsOf(store.db, run.id)).map(({ fact }) => fact)).toEqual(facts);
      await end(run);
    });

    it("has its commands oldest first", async () => {
      const run = await addHeldRun(store, { name: "commands", number: 6 });
      for (const by of ["ada", "bob"])
        await fileCommand(store.db, store.queue, { run: run.id, command: { kind: "stop", by, how: "cli" }, nowMs: 1 });
      expect((await commandsOf(store.db, run.id)).map(({ by }) => by)).toEqual(["ada", "bob"]);
      await end(run);
    });
  });

  describe("slots", () => {
    it("hold their limit and give each run a uid of its own when many take at once", async () => {
      const names = [..."abcdef"].map((letter) => `slots${letter}`);
      const runs = [];
      for (const [n, name] of names.entries()) runs.push(await queued(name, 20 + n, 100 + n));
      expect(await queuePosition(store.db, runs[2] as RunRow)).toBe(3);
      expect(await Promise.all(runs.map((run) => slotIsFree(store.db, run.id, 2)))).toEqual([
        true,
        true,
        false,
        false,
        false,
        false,
      ]);
      const uids = await Promise.all(runs.map(({ id, fence }) => takeUid(store.db, { run: id, fence, limit: 2, range })));
      const taken = uids.filter((uid) => uid !== undefined);
      expect(taken).toHaveLength(2);
      expect(new Set(taken).size).toBe(2);
      await end(...runs);
    });

    it("are still a run's own after a crash between taking one and writing that down", async () => {
      const run = await queued("crashed", 30, 100);
      const uid = await takeUid(store.db, { run: run.id, fence: run.fence, limit: 1, range });
      expect(await slotIsFree(store.db, run.id, 1)).toBe(true);
      expect(await takeUid(store.db, { run: run.id, fence: run.fence, limit: 1, range })).toBe(uid);
      await end(run);
    });

    it("are kept while the run closes, and free when it has ended", async () => {
      const run = await queued("closing", 31, 100);
      const next = await queued("next", 32, 101);
      const uid = (await takeUid(store.db, { run: run.id, fence: run.fence, limit: 1, range })) ?? 0;
      const fact: Fact = { is: "slot-taken", slot: { uid } };
      const state = { at: "closing", ending: { outcome: "failed" }, pins, stand, slot: { uid } } as const;
      await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact, state, nowMs: 3 });
      expect(await slotIsFree(store.db, next.id, 1)).toBe(false);
      await end(run);
      expect(await slotIsFree(store.db, next.id, 1)).toBe(true);
      await end(next);
    });
  });

  describe("what is known of branches and people", () => {
    it("a tip is ours only on its branch, in its repository", async () => {
      const run = await addHeldRun(store, { name: "tips", number: 7 });
      await addBranchTip(store.db, { repositoryId: 500, branch: "agent/issue-7", sha: sha("c"), run: run.id });
      expect(await ownerOfTip(store.db, 500, "agent/issue-7", sha("c"))).toBe(run.id);
      expect(await ownerOfTip(store.db, 501, "agent/issue-7", sha("c"))).toBeUndefined();
      expect(await ownerOfTip(store.db, 500, "agent/issue-7-2", sha("c"))).toBeUndefined();
      await end(run);
    });

    it("a refusal is explained once to each person on each issue, however many ask at once", async () => {
      const asked = await Promise.all(Array.from({ length: 10 }, () => takeNotice(store.db, 500, 8, 3)));
      expect(asked.filter(Boolean)).toHaveLength(1);
      expect(await takeNotice(store.db, 500, 8, 4)).toBe(true);
      expect(await takeNotice(store.db, 500, 9, 3)).toBe(true);
    });
  });
  return () => store;
}
