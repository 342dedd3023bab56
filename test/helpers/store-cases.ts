import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { progressOf } from "../../src/reconcile/observe.ts";
import type { Fact } from "../../src/run/fact.ts";
import type { RunId } from "../../src/run/identity.ts";
import type { Run } from "../../src/run/state.ts";
import type { Store } from "../../src/store/open.ts";
import { commandsOf, fileCommand } from "../../src/store/queries/commands.ts";
import {
  addDelivery,
  claimDelivery,
  findWaitingDelivery,
  markDeliveryHandled,
  releaseDelivery,
} from "../../src/store/queries/deliveries.ts";
import { appendFact, factsOf, markReported, postponeRun } from "../../src/store/queries/facts.ts";
import { addGrant, markRevoked } from "../../src/store/queries/grants.ts";
import { findHome, putHome } from "../../src/store/queries/homes.ts";
import {
  claimRun,
  releaseEarlierLives,
  releaseIfElsewhere,
  releaseLeases,
  renewLeases,
  returnRun,
} from "../../src/store/queries/lease.ts";
import { noteMachine } from "../../src/store/queries/machines.ts";
import { findPaper, putPaper } from "../../src/store/queries/papers.ts";
import { addPause, everything, findPause, listPauses, removePause } from "../../src/store/queries/pauses.ts";
import { addBranchTip, ownerOfTip, takeNotice } from "../../src/store/queries/places.ts";
import { addEvents, addEvidence, evidenceOf, lastLink, transcriptOf } from "../../src/store/queries/record.ts";
import { forgetOld } from "../../src/store/queries/retention.ts";
import {
  activeRuns,
  addRun,
  findActiveRun,
  findRun,
  findRunByPage,
  listRuns,
  type RunRow,
} from "../../src/store/queries/runs.ts";
import { dropLeases, takeLease } from "../../src/store/queries/shared-lease.ts";
import { linePosition, slotIsFree, takeUid } from "../../src/store/queries/slots.ts";
import { describeBudgets } from "./budget-cases.ts";
import { addHeldRun, claimantOf, lineOf, requestOf, runId, sha } from "./store.ts";

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

    it("that comes fifty times at once is stored once, as one of them, and as it is for good", async () => {
      const copies = Array.from({ length: 50 }, (_, n) => ({ ...delivery, payload: { action: "labeled", n: n + 1 } }));
      const answers = await Promise.all(copies.map((copy) => addDelivery(store.db, store.queue, copy)));
      expect(answers.filter((answer) => answer === "new")).toHaveLength(1);
      // Which one was first, only the database knows: a server has several connections.
      const stored = await findWaitingDelivery(store.db, "d-1");
      expect(copies).toContainEqual(stored);
      expect(await addDelivery(store.db, store.queue, { ...delivery, payload: { action: "labeled", n: 99 } })).not.toBe("new");
      expect(await findWaitingDelivery(store.db, "d-1")).toEqual(stored);
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

    it("is met at where its repository is by now, by whatever way it is found", async () => {
      const run = await addHeldRun(store, { name: "moving", number: 41, request: { repositoryId: 541 } });
      const other = await addHeldRun(store, { name: "staying", number: 42 });
      const home = { repositoryId: 541, installationId: 78, accountId: 3, owner: "globex", name: "store" };
      await putHome(store.db, { ...home, name: "shop2", atMs: 1 });
      await putHome(store.db, { ...home, atMs: 2 });
      expect(await findHome(store.db, 541)).toEqual(home);
      const asked = { ...requestOf(41), ...home };
      expect((await again(run)).request).toEqual(asked);
      expect((await findActiveRun(store.db, 541, 41))?.request).toEqual(asked);
      expect((await findRunByPage(store.db, run.pageKey))?.request).toEqual(asked);
      const found = [...(await activeRuns(store.db)), ...(await listRuns(store.db, 100))];
      expect(found.filter(({ id }) => id === run.id).map(({ request }) => request)).toEqual([asked, asked]);
      expect((await again(other)).request).toEqual(requestOf(42));
      await end(run, other);
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
      const claim = async (holder: string, nowMs: number) =>
        claimRun(store.db, { ...claimantOf(holder), run: run.id, nowMs, leaseMs: 30_000 });
      expect(await claim("one", 1_010_000)).toEqual({ fence: run.fence });
      expect(await claim("two", 1_020_000)).toBeUndefined();
      await renewLeases(store.db, "one", 1_100_000);
      expect(await claim("two", 1_090_000)).toBeUndefined();
      // From whom it was taken is told: that one may only be slow.
      expect(await claim("two", 1_100_001)).toEqual({ fence: run.fence + 1, takenFrom: "one" });
      expect(await claim("one", 1_100_002)).toBeUndefined();
      await releaseLeases(store.db, "two");
      expect(await claim("one", 1_100_003)).toEqual({ fence: run.fence + 2 });
      await end(run);
    });
  });

  describe("machines that share a store", () => {
    const beat = (machine: string, seenAtMs: number) =>
      noteMachine(store.db, { machine, labels: [], places: 2, version: "1", sinceMs: 1, seenAtMs });
    const claim = (run: RunId, machine: string, nowMs: number) =>
      claimRun(store.db, { ...claimantOf(`${machine}:process`, machine), run, nowMs, leaseMs: 30_000 });

    it("[48] cut a former machine off, though the one that took its run died before it could", async () => {
      await beat("here", 3_000_000);
      const { id } = await addHeldRun(store, { name: "cutoff", number: 53, holder: "here:dead", nowMs: 3_000_000 });
      const grant = { run: id, duty: "reporter", repositoryId: 1, permissions: {}, token: "sealed", revokedAtMs: null };
      const times = { mintedAtMs: 1, expiresAtMs: 9e12 };
      const put = (name: string, machine: string, state: "live" | "revoked") =>
        addGrant(store.db, { ...grant, ...times, id: name, state, machine } as unknown as Parameters<typeof addGrant>[1]);
      await put("ofanother", "there", "live");
      await releaseEarlierLives(store.db, "here");
      // Whoever takes it next, at once, is told from whom.
      expect(await claim(id, "here", 3_000_001)).toMatchObject({ takenFrom: "here:dead" });
      await markRevoked(store.db, "ofanother", 1);
      await put("ofours", "here", "live");
      await releaseEarlierLives(store.db, "here");
      expect(await claim(id, "here", 3_000_002)).not.toHaveProperty("takenFrom");
    });

    it("say of held work that its machine is silent, and again when it is not", async () => {
      await beat("here", 2_000_000);
      await beat("there", 2_000_000);
      const { id } = await addHeldRun(store, { name: "silent", number: 52 });
      await store.db.updateTable("runs").set({ machine: "there" }).where("id", "=", id).execute();
      const row = await findRun(store.db, id);
      if (!row) throw new Error("the run is gone");
      const state: Run = { at: "held", pins, stand, tip: sha("a"), rebuilt: sha("b"), why: [], heldUntilMs: 9e15 };
      const at = (nowMs: number, reported: string | null) =>
        progressOf(
          { db: store.db, disk: { full: () => undefined }, line: { priorityOf: () => 0 }, nowMs: () => nowMs },
          { ...row, state, reported },
        );
      expect(await at(2_059_999, "working 3")).toBe("working 3");
      expect(await at(2_060_000, "working 3")).toBe("held away");
      expect(await at(2_059_999, "held away")).toBe("held");
    });

    it("[48] keep a run's things to the one that has them, until that one was not heard of for too long", async () => {
      await beat("here", 1_000_000);
      await beat("there", 1_000_000);
      const run = await queued("machines", 50, 100);
      await releaseLeases(store.db, "me");
      const mine = await claim(run.id, "here", 1_000_000);
      const line = { ...lineOf(1), here: { machine: "here", labels: [] } };
      const uid = await takeUid(store.db, { ...line, run: run.id, fence: mine?.fence ?? -1, range });
      expect(uid).toBeDefined();
      // A graceful stop lets go of it, and it stays all the same: its sandbox is at work there.
      await releaseLeases(store.db, "here:process");
      expect(await claim(run.id, "there", 1_100_000)).toBeUndefined();
      // Though the lease lapsed too: the machine was heard of a moment ago.
      await claim(run.id, "here", 1_100_000);
      await beat("here", 1_200_000);
      expect(await claim(run.id, "there", 1_300_000)).toBeUndefined();
      const taken = await claim(run.id, "there", 1_320_001);
      expect(taken).toMatchObject({ takenFrom: "here:process" });
      expect((await again(run)).machine).toBe("here");
      // What has to come first could not be done: the next who takes it is told again.
      await returnRun(store.db, { run: run.id, holder: "there:process", to: "here:process" });
      const retaken = await claim(run.id, "there", 1_320_002);
      expect(retaken).toMatchObject({ takenFrom: "here:process" });
      const waiting: Run = {
        ...{ at: "waiting", pins, stand, slot: {}, pause: { why: "machine", untilMs: 0 }, afresh: true },
        earlier: { sandboxes: 1, lost: 1, workedMs: 0, waitedMs: 0 },
      };
      const moved: Fact = { is: "moved", atMs: 1_320_002 };
      const fence = retaken?.fence ?? -1;
      await appendFact(store.db, store.queue, { run: run.id, fence, fact: moved, state: waiting, nowMs: 1_320_002 });
      expect((await again(run)).machine).toBeUndefined();
      // The one that comes back writes nothing, and holds nothing.
      const late = { run: run.id, fence: mine?.fence ?? -1, fact: closed, state: waiting, nowMs: 1_320_003 };
      await expect(appendFact(store.db, store.queue, late)).rejects.toMatchObject({ code: "run.lost" });
      await releaseIfElsewhere(store.db, { ...claimantOf("there:process", "there"), run: run.id });
      expect(await claim(run.id, "here", 1_320_004)).not.toHaveProperty("takenFrom");
      await end(await again(run));
    });

    it("give out no more places than all of them together may, nor than one repository may, however many ask at once", async () => {
      const runs: RunRow[] = [];
      for (const [n, name] of [..."abcdefgh"].entries()) runs.push(await queued(`shared${name}`, 60 + n, 100 + n));
      const take = (run: RunRow, machine: string, limits: { total?: number; repository?: number }) =>
        takeUid(store.db, {
          ...{ here: { machine, labels: [] }, limits: { machine: 3, ...limits }, priorityOf: () => 0, nowMs: 0 },
          ...{ run: run.id, fence: run.fence, range },
        });
      const both = (limits: { total?: number; repository?: number }) =>
        Promise.all(
          runs.flatMap((run, n) => [take(run, n % 2 ? "here" : "there", limits), take(run, n % 2 ? "there" : "here", limits)]),
        );
      const placed = async () =>
        (await Promise.all(runs.map(again))).flatMap(({ id, machine }) => (machine === undefined ? [] : [{ id, machine }]));
      // Who asks before those ahead of it have theirs is refused, and asks again; so often that each of them could be the one ahead.
      const allWith = async (limits: { total?: number; repository?: number }) => {
        for (const _ of runs) await both(limits);
        return placed();
      };
      expect(await allWith({ repository: 2 })).toHaveLength(2);
      expect(await allWith({ total: 5 })).toHaveLength(5);
      const all = await allWith({});
      expect(all).toHaveLength(6);
      for (const machine of ["here", "there"]) expect(all.filter((each) => each.machine === machine)).toHaveLength(3);
      await end(...runs);
    });

    it("handle a delivery one at a time", async () => {
      await addDelivery(store.db, store.queue, { id: "claimed", event: "issues", payload: {}, receivedAtMs: 1 });
      const take = (holder: string, nowMs: number) => claimDelivery(store.db, { id: "claimed", holder, nowMs, leaseMs: 1_000 });
      const taken = await Promise.all(["a", "b", "c", "d"].map((holder) => take(holder, 1)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      const winner = ["a", "b", "c", "d"][taken.indexOf(true)] as string;
      expect(await take("late", 1_001)).toBe(false);
      await releaseDelivery(store.db, { id: "claimed", holder: winner });
      expect(await take("late", 1_001)).toBe(true);
      expect(await take("later", 2_002)).toBe(true);
      await markDeliveryHandled(store.db, "claimed", "done");
      expect(await take("later", 2_003)).toBe(false);
    });

    it("read GitHub's log by turns", async () => {
      const take = (holder: string, nowMs: number) => takeLease(store.db, { name: "log", holder, nowMs, leaseMs: 100 });
      expect([await take("a", 1), await take("b", 2), await take("a", 50), await take("b", 140)]).toEqual([
        true,
        false,
        true,
        false,
      ]);
      expect([await take("b", 151), await take("a", 152)]).toEqual([true, false]);
      await dropLeases(store.db, "b");
      expect(await take("a", 153)).toBe(true);
      await dropLeases(store.db, "a");
    });
  });

  it("a run that waits to try again hears a command at once", async () => {
    const run = await addHeldRun(store, { name: "hears", number: 4 });
    await postponeRun(store.db, { run: run.id, fence: run.fence, tries: 3, notBeforeMs: 9_000_000, nowMs: 1 });
    expect(await again(run)).toMatchObject({ tries: 3, notBeforeMs: 9_000_000 });
    await fileCommand(store.db, store.queue, { run: run.id, command: { kind: "stop", by: "ada", how: "cli" }, nowMs: 1 });
    expect(await again(run)).toMatchObject({ tries: 3, notBeforeMs: 0 });
    await end(run);
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
      await claimRun(store.db, { ...claimantOf("new"), run, nowMs: 1_030_001, leaseMs: 30_000 });
      const before = await again(stale);

      const write = { run, fence, fact: closed, state: { at: "ended", ending: { outcome: "failed" } }, nowMs: 9 } as const;
      await expect(appendFact(store.db, store.queue, write)).rejects.toMatchObject({ code: "run.lost" });
      await postponeRun(store.db, { run, fence, tries: 3, notBeforeMs: 99, nowMs: 1 });
      await markReported(store.db, { run, fence, digest: "x", nowMs: 9 });
      await expect(putPaper(store.db, { run, fence, kind: "session", text: "x" })).rejects.toMatchObject({ code: "run.lost" });
      await addEvents(store.db, run, fence, [{ id: "e", atMs: 1, kind: "say", text: "x" }]);
      await addEvidence(store.db, fence, row);
      expect(await takeUid(store.db, { ...lineOf(99), run, fence, range })).toBeUndefined();

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

  it("what is old is removed after its time, the run and its timeline stay, and the run tells what is gone", async () => {
    const dayMs = 24 * 3_600_000;
    const retention = { eventsMs: 30 * dayMs, evidenceMs: 400 * dayMs };
    const run = await addHeldRun(store, { name: "old", number: 60 });
    const row = { run: run.id, seq: 1, atMs: 1, door: "git", method: "GET", target: "/", rule: "git.run-repository" } as const;
    await addEvents(store.db, run.id, run.fence, [{ id: "e1", atMs: 1, kind: "say", text: "hello" }]);
    await addEvidence(
      store.db,
      run.fence,
      { ...row, verdict: "allowed", bytesIn: 0, bytesOut: 0, status: 200, durationMs: 1, digest: "d" },
      "r",
    );
    await putPaper(store.db, { run: run.id, fence: run.fence, kind: "patch", text: "+a" });
    const forget = (nowMs: number) => forgetOld(store.db, { retention, nowMs });
    const ended = { at: "ended", ending: { outcome: "failed" } } as const;
    const kept = async () => [
      (await transcriptOf(store.db, run.id, 0, 9)).length,
      (await evidenceOf(store.db, run.id)).length,
      await findPaper(store.db, run.id, "patch"),
      await findPaper(store.db, run.id, "forgotten"),
    ];
    // Still open: nothing of it is old, however long ago it began.
    await forget(9_000 * dayMs);
    expect(await kept()).toEqual([1, 1, "+a", undefined]);
    await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact: { is: "closed" }, state: ended, nowMs: 0 });
    await forget(30 * dayMs);
    expect(await kept()).toEqual([1, 1, "+a", undefined]);
    await forget(30 * dayMs + 1);
    expect(await kept()).toEqual([0, 1, "+a", "transcript"]);
    await forget(400 * dayMs + 1);
    expect(await kept()).toEqual([0, 0, undefined, "transcript and record"]);
    expect((await factsOf(store.db, run.id)).length).toBeGreaterThan(0);
    expect(await forget(500 * dayMs)).toBe(0);
  });

  describe("slots", () => {
    it("hold their limit and give each run a uid of its own when many take at once", async () => {
      const names = [..."abcdef"].map((letter) => `slots${letter}`);
      const runs = [];
      for (const [n, name] of names.entries()) runs.push(await queued(name, 20 + n, 100 + n));
      expect(await linePosition(store.db, { ...lineOf(2), run: runs[2]?.id as RunId })).toBe(3);
      expect(await Promise.all(runs.map((run) => slotIsFree(store.db, { ...lineOf(2), run: run.id })))).toEqual([
        true,
        true,
        false,
        false,
        false,
        false,
      ]);
      const uids = await Promise.all(runs.map(({ id, fence }) => takeUid(store.db, { ...lineOf(2), run: id, fence, range })));
      const taken = uids.filter((uid) => uid !== undefined);
      expect(taken).toHaveLength(2);
      expect(new Set(taken).size).toBe(2);
      await end(...runs);
    });

    it("are not for what is paused, nor for what waits for its hour, and nobody waits behind those", async () => {
      const first = await queued("paused", 40, 100);
      const second = await queued("after", 41, 101);
      const free = async (nowMs: number) =>
        Promise.all([first, second].map((run) => slotIsFree(store.db, { ...lineOf(1, nowMs), run: run.id })));
      expect(await free(0)).toEqual([true, false]);
      await addPause(store.db, store.queue, { repositoryId: everything, by: "ada", working: true, nowMs: 1 });
      expect(await free(0)).toEqual([false, false]);
      expect(await findPause(store.db, 12_345)).toEqual({ by: "ada", working: true });
      expect(await removePause(store.db, store.queue, everything)).toBe(true);
      expect(await removePause(store.db, store.queue, everything)).toBe(false);
      await addPause(store.db, store.queue, { repositoryId: 987_654, by: "bob", working: false, nowMs: 2 });
      expect(await free(0)).toEqual([true, false]);
      expect(await listPauses(store.db)).toEqual([{ by: "bob", working: false, atMs: 2 }]);
      await removePause(store.db, store.queue, 987_654);

      const earlier = { sandboxes: 1, lost: 0, workedMs: 0, waitedMs: 0 };
      const state: Run = { at: "waiting", pins, stand, slot: {}, pause: { why: "provider", untilMs: 500 }, earlier };
      await appendFact(store.db, store.queue, { run: first.id, fence: first.fence, fact: { is: "put-away" }, state, nowMs: 3 });
      expect(await free(499)).toEqual([false, true]);
      expect(await free(500)).toEqual([true, false]);
      // None begins: what has begun stands behind nobody who has not.
      const begun = (nowMs: number) =>
        Promise.all([first, second].map(({ id: run }) => slotIsFree(store.db, { ...lineOf(1, nowMs), run, onlyBegun: true })));
      expect([await begun(499), await begun(500)]).toEqual([
        [false, false],
        [true, false],
      ]);
      await end(first, second);
    });

    it("are for what has begun alone while none begins, also where somebody older waits", async () => {
      const older = await queued("older", 50, 100);
      const run = await queued("begun", 51, 101);
      const earlier = { sandboxes: 1, lost: 0, workedMs: 0, waitedMs: 0 };
      const state: Run = { at: "waiting", pins, stand, slot: {}, pause: { why: "provider", untilMs: 5 }, earlier };
      await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact: { is: "put-away" }, state, nowMs: 3 });
      const free = (onlyBegun: boolean) =>
        Promise.all([older, run].map(({ id }) => slotIsFree(store.db, { ...lineOf(1, 9), run: id, onlyBegun })));
      expect([await free(false), await free(true)]).toEqual([
        [true, false],
        [false, true],
      ]);
      await end(older, run);
    });

    it("are still a run's own after a crash between taking one and writing that down", async () => {
      const run = await queued("crashed", 30, 100);
      const uid = await takeUid(store.db, { ...lineOf(1), run: run.id, fence: run.fence, range });
      expect(await slotIsFree(store.db, { ...lineOf(1), run: run.id })).toBe(true);
      expect(await takeUid(store.db, { ...lineOf(1), run: run.id, fence: run.fence, range })).toBe(uid);
      await end(run);
    });

    it("are kept while the run closes, and free when it has ended", async () => {
      const run = await queued("closing", 31, 100);
      const next = await queued("next", 32, 101);
      const uid = (await takeUid(store.db, { ...lineOf(1), run: run.id, fence: run.fence, range })) ?? 0;
      const fact: Fact = { is: "slot-taken", slot: { uid } };
      const state = { at: "closing", ending: { outcome: "failed" }, pins, stand, slot: { uid } } as const;
      await appendFact(store.db, store.queue, { run: run.id, fence: run.fence, fact, state, nowMs: 3 });
      expect(await slotIsFree(store.db, { ...lineOf(1), run: next.id })).toBe(false);
      await end(run);
      expect(await slotIsFree(store.db, { ...lineOf(1), run: next.id })).toBe(true);
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
  describeBudgets(() => store);
  return () => store;
}
