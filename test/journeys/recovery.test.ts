import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterEach(() => house?.local.github.faults.clear());
afterAll(() => house?.close());

const work = (name: string) => `echo made > ${name}; git add -A; git commit -qm "Add ${name}"; echo "Added ${name}"`;

describe("what was asked while the App was down", () => {
  it("[42] is done when it is back, and what was asked and taken back is not", async () => {
    const [asked, stopped] = [await house.openIssue({ shell: work("late.txt") }), await house.openIssue({ shell: "sleep 300" })];
    await house.local.restart(async () => {
      await house.setLabel(asked);
      await house.comment(stopped, "/agent fix");
      await house.comment(stopped, "/agent stop");
      await house.local.github.settled();
      const answers = house.local.github.world.deliveries.slice(-3).map(({ statusCode }) => statusCode);
      expect(answers, "the App is down").toEqual([0, 0, 0]);
    });
    expect((await house.ended(asked)).state).toMatchObject({ outcome: "succeeded" });
    expect((await house.ended(stopped)).state).toMatchObject({ outcome: "cancelled" });
    expect(await house.runsOf(asked)).toHaveLength(1);
    expect(await house.answersOn(asked)).toHaveLength(1);
  });

  it("[79] is done though GitHub's log says that it was answered", async () => {
    const issue = await house.openIssue({ shell: work("promised.txt") });
    house.local.github.faults.add({ match: { method: "WEBHOOK", path: "/issues.labeled" }, status: 202 });
    await house.setLabel(issue);
    await house.local.restart();
    expect((await house.ended(issue)).state).toMatchObject({ outcome: "succeeded" });
  });
});

describe("an Airlock that GitHub cannot reach", () => {
  it("[42] reads what was asked from GitHub's log, and takes nothing by HTTP", async () => {
    const hidden = await openHouse({ poll: { only: true, everyMs: 500 } });
    try {
      const issue = await hidden.openIssue({ shell: work("behind.txt") });
      await hidden.setLabel(issue);
      const labelledAtMs = Date.now();
      await until("the run", async () => (await hidden.runsOf(issue)).length > 0);
      expect(Date.now() - labelledAtMs).toBeLessThan(10_000);
      const { app, webhookPath } = hidden.local;
      const closed = await fetch(`${app.url}${webhookPath}`, { method: "POST", body: "{}" });
      expect([closed.status, await closed.text()]).toEqual([404, expect.stringContaining("WEBHOOK_POLL=1")]);
      expect((await hidden.ended(issue)).state).toMatchObject({ outcome: "succeeded" });
      const { json: pulls } = await hidden.ask("maintainer", "GET", "/pulls");
      expect(pulls).toHaveLength(1);
      const delivered = hidden.local.github.world.deliveries.filter(({ statusCode }) => statusCode !== 0);
      expect(delivered, "deliveries that reached the App").toEqual([]);
    } finally {
      await hidden.close();
    }
  });
});
