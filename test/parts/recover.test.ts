import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDeliveryLog } from "../../src/delivery/delivery-log.ts";
import { type RecoverParts, recoverMissed, type Seen } from "../../src/delivery/recover.ts";
import { startRecovery } from "../../src/delivery/recovery.ts";
import { addDelivery } from "../../src/store/queries/deliveries.ts";
import { type Effects, openEffects, repo } from "../helpers/github-effects.ts";
import { until } from "../helpers/until.ts";

let effects: Effects;
let parts: RecoverParts;
let issue = 0;
/** Deliveries in the order in which they were handed on. */
const handled: string[] = [];
const nowMs = () => Date.now();

beforeAll(async () => {
  effects = await openEffects();
  const { store, app, house } = effects;
  parts = {
    ...{
      db: store.db,
      queue: store.queue,
      deliveries: createDeliveryLog(app.api),
      appId: house.github.app.id,
      handle: async (id) => void handled.push(id),
      nowMs,
    },
    log: pino({ level: "silent" }),
  };
  await house.heard("installation", "created");
});
afterAll(() => effects?.[Symbol.asyncDispose]());
beforeEach(async () => {
  handled.length = 0;
  issue = (await effects.maintainer.rest.issues.create({ ...repo, title: "Missed" })).data.number;
  await effects.store.db.deleteFrom("deliveries").execute();
});
afterEach(() => {
  effects.house.github.faults.clear();
  effects.house.answerWith(200);
});

const fresh = (): Seen => ({ untilMs: nowMs(), etag: undefined, failures: new Map() });
const comment = async (body: string): Promise<number> => {
  const made = await effects.maintainer.rest.issues.createComment({ ...repo, issue_number: issue, body });
  await effects.house.github.settled();
  return made.data.id;
};
/** This issue's comments whose deliveries are in the store. */
const stored = async (): Promise<number[]> => {
  const rows = await effects.store.db.selectFrom("deliveries").selectAll().orderBy("received_at_ms").execute();
  const payloads = rows.map(({ payload }) => payload as { comment?: { id: number }; issue?: { number: number } });
  // By the comment's number where the second is the same.
  return payloads.flatMap(({ comment, issue: at }) => (comment && at?.number === issue ? comment.id : [])).sort((a, b) => a - b);
};
const idOf = async (commentId: number): Promise<string | undefined> => {
  const rows = await effects.store.db.selectFrom("deliveries").selectAll().where("event", "=", "issue_comment").execute();
  return rows.find(({ payload }) => (payload as { comment?: { id: number } }).comment?.id === commentId)?.id;
};
const details = () => effects.house.github.state().requests.filter(({ operation }) => operation === "apps/get-webhook-delivery");

describe("deliveries that the store lacks", () => {
  it.each([
    ["[42] failed while the App was down", () => effects.house.answerWith(503)],
    ["[42] found nobody at the App's address", () => effects.house.github.faults.add(logged(0))],
    ["[79] are logged as answered, though they are not here", () => {}],
    ["[79] are logged as answered, and nobody was ever asked", () => effects.house.github.faults.add(logged(202))],
  ])("are stored, each once and oldest first, where they %s", async (_, befall) => {
    befall();
    const seen = fresh();
    const made = [await comment("/agent fix one"), await comment("two"), await comment("/agent stop")];
    const first = await recoverMissed(parts, seen);
    expect(await stored()).toEqual(made);
    const order = handled.splice(0);
    expect(order).toHaveLength(first.stored);
    expect(order.slice(-3)).toEqual(await Promise.all(made.map(idOf)));
    expect(first.stored).toBeGreaterThanOrEqual(3);
    // Again, from the start and from where it was: nothing is left to do.
    expect(await recoverMissed(parts, fresh())).toMatchObject({ stored: 0 });
    expect(await recoverMissed(parts, first.seen)).toMatchObject({ stored: 0 });
  });

  it("are not found where GitHub never logged them: this is the control, and the limit of what can be promised", async () => {
    effects.house.github.faults.add({ match: { method: "WEBHOOK", path: "/issue_comment.created" }, lost: true, times: 0 });
    const made = await comment("/agent fix lost");
    await recoverMissed(parts, fresh());
    expect(await stored()).not.toContain(made);
  });

  it("[42] are found an hour later and two days later, and not after the three that GitHub keeps", async () => {
    effects.house.answerWith(503);
    const made = await comment("/agent fix late");
    const { deliveries } = effects.house.github.world;
    const agedBy = async (hours: number): Promise<number[]> => {
      for (const each of deliveries)
        each.deliveredAt = new Date(Date.parse(each.deliveredAt) - hours * 3_600_000).toISOString().replace(/\.\d+/, "");
      await effects.store.db.deleteFrom("deliveries").execute();
      await recoverMissed(parts, { ...fresh(), untilMs: 0 });
      return stored();
    };
    expect(await agedBy(1)).toContain(made);
    expect(await agedBy(47)).toContain(made);
    expect(await agedBy(25)).toEqual([]);
  });

  it("[47] are all there in the end, and none twice, where a pass breaks off between two of them", async () => {
    const made = [await comment("/agent fix a"), await comment("/agent fix b"), await comment("/agent fix c")];
    const lines = (await parts.deliveries.page({})) as { lines: { id: string; event: string }[] };
    const second = lines.lines.filter(({ event }) => event === "issue_comment")[1];
    const detail = `/api/v3/app/hook/deliveries/${second?.id}`;
    // As often as a read is tried.
    effects.house.github.faults.add({ match: { path: detail }, status: 502, times: 4 });
    const seen = fresh();
    await expect(recoverMissed(parts, seen)).rejects.toMatchObject({ status: 502 });
    expect(await stored()).toEqual([made[0]]);
    await recoverMissed(parts, seen);
    expect(await stored()).toEqual(made);
  });

  it("are stored without the one whose detail GitHub can never give", async () => {
    const [poisoned, made] = [await comment("/agent fix a"), await comment("/agent fix b")];
    const { lines } = (await parts.deliveries.page({})) as { lines: { id: string; event: string }[] };
    const bad = lines.filter(({ event }) => event === "issue_comment")[1];
    effects.house.github.faults.add({ match: { path: `/api/v3/app/hook/deliveries/${bad?.id}` }, status: 500, times: 0 });
    const seen = { ...fresh(), failures: new Map() };
    for (let i = 0; i < 5; i++) await expect(recoverMissed(parts, seen)).rejects.toMatchObject({ status: 500 });
    await recoverMissed(parts, seen);
    expect(await stored()).toEqual([made]);
    expect(await stored()).not.toContain(poisoned);
  }, 60_000);

  it("cost one detail each, and none for what can ask for nothing", async () => {
    const before = details().length;
    await comment("words");
    await effects.maintainer.rest.issues.addLabels({ ...repo, issue_number: issue, labels: ["bug"] });
    await effects.house.github.settled();
    await recoverMissed(parts, fresh());
    const after = details().length;
    // Beside issues.opened, which can ask for nothing, and what else stood in the last ten minutes of the log.
    const kept = await effects.store.db.selectFrom("deliveries").select("event").execute();
    expect(after - before).toBe(kept.length);
    await recoverMissed(parts, fresh());
    expect(details()).toHaveLength(after);
  });
});

describe("a redelivery", () => {
  it("[41] of one that is here adds nothing, whichever way it comes", async () => {
    const made = await comment("/agent fix once");
    await recoverMissed(parts, fresh());
    const [row] = await effects.store.db.selectFrom("deliveries").selectAll().where("event", "=", "issue_comment").execute();
    const { lines } = (await parts.deliveries.page({})) as { lines: { id: string; guid: string }[] };
    const line = lines.find(({ guid }) => guid === row?.id);
    await effects.house.app().rest.apps.redeliverWebhookDelivery({ delivery_id: line?.id as never });
    await effects.house.github.settled();
    await recoverMissed(parts, fresh());
    expect((await stored()).filter((id) => id === made)).toEqual([made]);
  });

  it("[41] of one that was received and not handled, or given up, is handled; of a handled one not", async () => {
    const { db, queue } = effects.store;
    const again = { id: "given-up", event: "issues", payload: {}, receivedAtMs: 1 };
    await addDelivery(db, queue, again);
    const state = async () =>
      (await db.selectFrom("deliveries").select("state").where("id", "=", again.id).executeTakeFirstOrThrow()).state;
    const noted = (note: string) =>
      db.updateTable("deliveries").set({ state: "handled", note }).where("id", "=", again.id).execute();
    await noted("given up: GitHub answered 403");
    expect(await addDelivery(db, queue, again)).toBe("known");
    expect(await state()).toBe("received");
    await noted("run abc");
    expect(await addDelivery(db, queue, again)).toBe("known");
    expect(await state()).toBe("handled");
  });
});

describe("the timer", () => {
  it("looks at once and again, backs off where GitHub is away, and asks in a way that costs nothing where nothing is new", async () => {
    const { github } = effects.house;
    github.faults.add({ match: { path: "/api/v3/app/hook/deliveries" }, status: 503, times: 8 });
    await using recovery = startRecovery({ ...parts, isMine: async () => true }, 50);
    const made = await comment("/agent fix polled");
    await until("the delivery", async () => (await stored()).includes(made));
    await recovery.pass();
    const lists = github.state().requests.filter(({ operation }) => operation === "apps/list-webhook-deliveries");
    expect(lists.at(-1)?.status).toBe(304);
    const next = await comment("/agent stop");
    await until("the next delivery", async () => (await stored()).includes(next));
  });
});

function logged(status: number) {
  return { match: { method: "WEBHOOK", path: "/issue_comment.created" }, status, times: 0 };
}
