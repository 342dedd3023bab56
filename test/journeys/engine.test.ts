import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { openTestEngine } from "../helpers/sandbox-fixture.ts";
import { openSecondEngine, type SecondEngine } from "../helpers/second-engine.ts";

let second: SecondEngine;
let house: TestHouse;
beforeAll(async () => {
  const { engine: from, imageId } = await openTestEngine();
  second = await openSecondEngine({ from, imageId });
  house = await openHouse({ limits: { concurrency: 1 }, change: (machine) => ({ ...machine, engine: second.engine }) });
}, 400_000);
afterAll(async () => {
  await house?.close();
  await second?.[Symbol.asyncDispose]();
}, 120_000);

describe("an engine that is restarted while an agent works", () => {
  it("[49] the run goes on in another sandbox with what the agent had made, and comes to its pull request", async () => {
    const issue = await house.openIssue({
      shell: `if [ -e kept.txt ]; then git add -A; git commit -qm Kept; else echo kept > kept.txt; ${signOfLife}; sleep 300; fi`,
    });
    await house.setLabel(issue);
    await house.inShell(issue);
    const waiting = await house.openIssue({ shell: "echo later > later.txt; git add -A; git commit -qm Later" });
    await second.restart(() => house.setLabel(waiting));
    const run = await house.ended(issue);
    expect(run.state, JSON.stringify(run.timeline)).toMatchObject({ outcome: "succeeded" });
    const { json: files } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}/files`);
    expect(files).toMatchObject([{ filename: "kept.txt", status: "added" }]);
    // What was asked for meanwhile finds the engine again.
    expect((await house.ended(waiting)).state).toMatchObject({ outcome: "succeeded" });
  });
});
