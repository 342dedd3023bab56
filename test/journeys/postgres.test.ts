import { createHmac, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { startPostgres, type TestServer } from "../helpers/postgres.ts";
import { until } from "../helpers/until.ts";

let server: TestServer;
let house: TestHouse;
beforeAll(async () => {
  server = await startPostgres();
  house = await openHouse({ databaseUrl: await server.database() });
}, 120_000);
afterAll(async () => {
  await house?.close();
  await server?.[Symbol.asyncDispose]();
});

const commit = "echo made > note.txt && git add -A && git commit -q -m 'Add a note' && echo Added";

describe("on a PostgreSQL server", () => {
  it("[43] two hundred deliveries at once are each acknowledged within GitHub's ten seconds, and all stored", async () => {
    const { app, webhookPath, webhookSecret } = house.local;
    const send = async (id: string) => {
      const body = JSON.stringify({ action: "opened", padding: "x".repeat(20_000), id });
      const signature = `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`;
      const headers = { "content-type": "application/json", "x-github-event": "issues", "x-github-delivery": id };
      const fromMs = performance.now();
      const { status } = await fetch(`${app.url}${webhookPath}`, {
        ...{ method: "POST", body, headers: { ...headers, "x-hub-signature-256": signature } },
      });
      return { status, tookMs: performance.now() - fromMs };
    };
    const ids = Array.from({ length: 200 }, () => randomUUID());
    const answers = await Promise.all(ids.map(send));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    // GitHub's limit, and our own below it.
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(10_000);
    const rows = await app.db.selectFrom("deliveries").select("id").where("id", "in", ids).execute();
    expect(rows).toHaveLength(200);
    await house.heard();
  }, 120_000);

  it("an issue becomes a pull request, though the server crashes and the App restarts while the agent works", async () => {
    const issue = await house.openIssue({ title: "Add a note", shell: `${signOfLife}; sleep 12; ${commit}` });
    await house.setLabel(issue, "maintainer");
    await house.inShell(issue);
    await server.crash();
    await house.local.restart();
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    expect(await house.tipOf(`agent/issue-${issue}`)).toBeDefined();
    expect(await house.answersOn(issue)).toHaveLength(1);
  }, 120_000);

  it("[43] what comes while the database is down is not acknowledged, and not lost", async () => {
    const issue = await house.openIssue({ title: "Add another", shell: "echo more > more.txt; git add -A; git commit -qm More" });
    const { world } = house.local.github;
    await server.crash(async () => {
      await house.setLabel(issue);
      await house.local.github.settled();
      // The control: it was sent, and GitHub saw it refused.
      expect(world.deliveries.at(-1)).toMatchObject({ event: "issues", action: "labeled", statusCode: 503 });
    });
    await until("GitHub's log read", async () => {
      await house.local.app.recovery.pass();
      return (await house.runsOf(issue)).length > 0;
    });
    expect((await house.ended(issue)).state).toMatchObject({ outcome: "succeeded" });
    expect(await house.runsOf(issue)).toHaveLength(1);
  }, 120_000);
});
