import { stat } from "node:fs/promises";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serveCaps } from "../../src/reconcile/serve-caps.ts";
import type { Cap } from "../../src/run/cap.ts";
import type { RunId } from "../../src/run/identity.ts";
import type { Store } from "../../src/store/open.ts";
import { findRefusal, pursesNow } from "../../src/store/queries/budgets.ts";
import { addRun } from "../../src/store/queries/runs.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { ask } from "../helpers/raw-http.ts";
import { openTestStore, requestOf } from "../helpers/store.ts";
import { until } from "../helpers/until.ts";

const target = "/v1/messages?beta=true";
const headers = { "content-type": "application/json" };
/** At most 0.02 dollars out, and a little in. */
const body = { model: "claude-sonnet-5", max_tokens: 2_000, messages: [{ role: "user", content: "hi" }] };
const usage = { input_tokens: 1_000, output_tokens: 1_000 };
/** What that usage costs, in micro-dollars. */
const costOf = 12_000;
const dollar = 1_000_000;

describe("a door under caps over all runs", { timeout: 60_000 }, () => {
  let house: House;
  let store: Store;
  let run: RunId;
  let door: string;
  let woken: RunId[];
  let app: AsyncDisposable | undefined;
  let repositoryId = 4_000;

  beforeAll(async () => {
    house = await openHouse({ capsPatienceMs: 1_000 });
    store = await openTestStore();
  }, 60_000);
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    run = mintTestRun();
    woken = [];
    repositoryId += 1;
    const request = requestOf(repositoryId, { repositoryId });
    await addRun(store.db, store.queue, { id: run, pageKey: `p-${run}`, causeKey: `c-${run}`, request, nowMs: 1 });
    door = await openWith(true);
    house.model.answer = (_request, response) =>
      void response.setHeader("content-type", "application/json").end(JSON.stringify({ model: body.model, usage }));
    house.model.asked.splice(0);
  });
  afterEach(async () => {
    await leave();
    await house.gateway.closeDoor(run);
  });

  const openWith = async (capped: boolean) => {
    const socket = await house.openDoor(run);
    const folder = socket.slice(0, socket.lastIndexOf("/"));
    return (await house.gateway.openDoor({ run, folder, model: { capped } })).socketPath;
  };
  /** The App's half, by the real store. */
  const come = async (...caps: Cap[]) => {
    app = await serveCaps({
      ...{ db: store.db, caps, socketPath: house.capsSocket, owner: house.accounts?.["airlock-gateway"] },
      ...{ wake: (id: RunId) => void woken.push(id), log: pino({ level: "silent" }), nowMs: () => Date.now() },
    });
  };
  const leave = async () => {
    await app?.[Symbol.asyncDispose]();
    app = undefined;
  };
  const perDay = (microUsd: number): Cap => ({ scope: "repository", per: "day", microUsd });
  const post = (sent: object = body) => ask(door, { method: "POST", target, headers, body: JSON.stringify(sent) });
  const purse = async () => {
    const found = (await pursesNow(store.db, run, Date.now())).find(({ scope, per }) => scope === "repository" && per === "day");
    return [found?.spentMicroUsd, found?.reservedMicroUsd];
  };
  const settled = (spent: number) =>
    until(`${spent} micro-dollars to be settled`, async () => {
      const [now, reserved] = await purse();
      return now === spent && reserved === 0;
    });

  it("[15] lets no call pass while the App is away, answers so that the agent tries again, and holds one until the App is back", async () => {
    const refused = await post();
    expect(refused.status).toBe(503);
    expect(refused.raw).toMatch(/retry-after: 5\r/i);
    expect(JSON.parse(refused.body).error).toMatchObject({
      type: "api_error",
      message: expect.stringMatching(/App does not answer\. Rule model\.unreserved\. .*by itself/),
    });
    expect(house.model.asked).toEqual([]);
    // The control: what a door that did not ask would do.
    await openWith(false);
    controlFell((await post()).status === 200 && house.model.asked.splice(0).length === 1, "a call that nobody counts");
    await openWith(true);

    const held = post();
    await come(perDay(dollar));
    expect((await held).status).toBe(200);
    await settled(costOf);
    const rows = await house.closeAndRead(run);
    expect(rows.map(({ verdict, rule }) => [verdict, rule])).toEqual([
      ["refused", "model.unreserved"],
      ["allowed", "model.messages"],
      ["allowed", "model.messages"],
    ]);
  });

  it("takes an error of the App's for no word, and lets nothing pass", async () => {
    await come(perDay(dollar));
    await store.db.schema.alterTable("purses").renameTo("purses_away").execute();
    try {
      expect((await post()).status).toBe(503);
      expect(house.model.asked).toEqual([]);
    } finally {
      await store.db.schema.alterTable("purses_away").renameTo("purses").execute();
    }
    expect((await post()).status).toBe(200);
    await settled(costOf);
  });

  it("refuses for good what a cap has no room for, says which, until when and who can raise it, and never goes beyond it", async () => {
    await come(perDay(100_000), { scope: "deployment", per: "month", microUsd: 1_000 * dollar });
    const answers = [];
    for (let calls = 0; calls < 30; calls++) {
      const answer = await post();
      answers.push(answer);
      if (answer.status !== 200) break;
    }
    const over = answers.at(-1);
    const tomorrow = new Date(Date.now() + 24 * 3_600_000).toISOString().slice(0, 10);
    expect(over?.status).toBe(402);
    expect(JSON.parse(over?.body ?? "").error).toMatchObject({
      type: "billing_error",
      message: expect.stringContaining(
        `the budget of this repository is used up for this day, which ends at ${tomorrow} 00:00 UTC. Rule model.over-cap. The operator raises AIRLOCK_REPOSITORY_BUDGET_USD`,
      ),
    });
    expect(over?.body).not.toMatch(/0\.\d+ USD/);
    const made = house.model.asked.splice(0).length;
    expect(made).toBeGreaterThan(3);
    await settled(made * costOf);
    expect(made * costOf).toBeLessThanOrEqual(100_000);
    expect([woken, await findRefusal(store.db, run)]).toEqual([
      [run],
      expect.objectContaining({ scope: "repository", per: "day" }),
    ]);
    // Another run of the same repository is refused as well; the App says so, not the run's own purse.
    const first = run;
    run = mintTestRun();
    const request = requestOf(1, { repositoryId });
    await addRun(store.db, store.queue, { id: run, pageKey: `p-${run}`, causeKey: `c-${run}`, request, nowMs: 1 });
    door = await openWith(true);
    expect((await post()).status).toBe(402);
    await house.gateway.closeDoor(first);
  });

  it("asks for a shorter answer, and tells the agent, where there is room for that only", async () => {
    await come(perDay(200_000));
    expect((await post({ ...body, max_tokens: 64_000, tools: [{ name: "x", input_schema: {} }] })).status).toBe(200);
    const [asked] = house.model.asked;
    expect(JSON.parse(asked?.body ?? "")).toMatchObject({ max_tokens: 16_000 });
    expect(asked?.body).toContain("the budget that all runs share is nearly used up");
    await settled(costOf);
  });

  it("has a call that ended while the App was away settled once when it is back, also by the gateway after this one", async () => {
    await come(perDay(dollar));
    const answers: (() => void)[] = [];
    house.model.answer = (_request, response) =>
      void answers.push(() =>
        response.setHeader("content-type", "application/json").end(JSON.stringify({ model: body.model, usage })),
      );
    const calls = [post(), post()];
    await until("two calls under way", async () => answers.length === 2);
    const [, reserved] = await purse();
    await leave();
    answers[0]?.();
    await Promise.race(calls);
    // The other is killed in its middle: it may have been answered, and nobody counted.
    process.kill(house.daemons.gateway.pid, "SIGKILL");
    await Promise.allSettled(calls);
    expect(await purse()).toEqual([0, reserved]);
    await house.restartGateway();
    await come(perDay(dollar));
    await settled(costOf + (reserved ?? 0) / 2);
    // Nothing is owed any more, to the next one either.
    await house.daemons.gateway.stop();
    await house.restartGateway();
    door = await openWith(true);
    house.model.answer = (_request, response) =>
      void response.setHeader("content-type", "application/json").end(JSON.stringify({ model: body.model, usage }));
    expect((await post()).status).toBe(200);
    await settled(2 * costOf + (reserved ?? 0) / 2);
  });

  it("charges what was reserved and not called for nothing, and what broke off at the most", async () => {
    await come(perDay(dollar));
    house.model.answer = (_request, response) => void response.writeHead(529).end("{}");
    expect((await post()).status).toBe(529);
    await settled(0);
    const broken = Promise.withResolvers<void>();
    house.model.answer = (request) => {
      request.socket.destroy();
      broken.resolve();
    };
    await post().catch(() => undefined);
    await broken.promise;
    await until("it to be counted", async () => {
      const [spent = 0, reserved] = await purse();
      // The whole answer, and all bytes of the request as tokens.
      return reserved === 0 && spent > 20_000;
    });
  });

  it("that has no caps over it needs no App at all", async () => {
    door = await openWith(false);
    expect((await post()).status).toBe(200);
    expect((await purse())[0]).toBe(0);
  });

  it("has a socket that the gateway's account alone reaches", async () => {
    await come();
    const { mode, uid } = await stat(house.capsSocket);
    expect([mode & 0o777, uid]).toEqual([0o600, house.accounts?.["airlock-gateway"].uid ?? process.getuid?.()]);
  });

  it("understands no other question, and none that is not whole", async () => {
    await come();
    const say = (path: string, sent: object) =>
      ask(house.capsSocket, { method: "POST", target: path, headers, body: JSON.stringify(sent) }).then(({ status }) => status);
    const id = "0".repeat(8).concat("-0000-0000-0000-", "0".repeat(12));
    expect(await say("/reserve", { id, run, sizes: [1], late: true })).toBe(200);
    expect(await say("/settle", { id, run, microUsd: 1 })).toBe(200);
    for (const wrong of [
      { id, run, sizes: [], late: true },
      { id, run, sizes: [-1], late: true },
      { id, run: "../x", sizes: [1], late: true },
    ])
      expect(await say("/reserve", wrong)).toBe(400);
    expect(await say("/settle", { id, run, microUsd: -1 })).toBe(400);
    expect(await say("/doors", {})).toBe(404);
  });
});
