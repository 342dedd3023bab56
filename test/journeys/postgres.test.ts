import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { startPostgres, type TestServer } from "../helpers/postgres.ts";

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
});
