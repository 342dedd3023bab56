import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";

let house: TestHouse;
let copy: string;
beforeAll(async () => {
  house = await openHouse();
  copy = await mkdtemp(join(tmpdir(), "airlock-yesterday-"));
});
afterAll(async () => {
  await house?.close();
  await rm(copy, { recursive: true, force: true });
});

const store = () => join(house.local.dataFolder, "store", "pg");

it("[79][80] a data folder put back to its state before the label converges: nothing is done or told twice", async () => {
  const issue = await house.openIssue({ shell: `echo made > once.txt; git add -A; git commit -qm "Add once"; echo Added` });
  const asking = await house.openIssue({});
  await house.local.restart(() => cp(store(), join(copy, "pg"), { recursive: true }));
  await house.setLabel(issue);
  await house.comment(asking, "/agent help");
  await house.heard();
  // Refused, since a run is at work there: a later life must not take it for something to do.
  await house.comment(issue, "/agent fix the same once more");
  const first = await house.ended(issue);
  expect(first.state).toMatchObject({ outcome: "succeeded" });
  await house.heard();
  const seen = async () => ({
    answers: (await house.answersOn(issue)).map(({ id, updated_at }) => [id, updated_at]),
    helps: (await house.answersOn(asking)).length,
    tip: await house.tipOf(`agent/issue-${issue}`),
    second: await house.tipOf(`agent/issue-${issue}-2`),
    pulls: (await house.ask("maintainer", "GET", "/pulls?state=all")).json.length,
    checks: house.local.github.state().checkRuns,
  });
  const before = await seen();
  expect(before).toMatchObject({ helps: 1, pulls: 1, second: undefined });
  expect((await house.answersOn(issue)).filter(({ body }) => body.includes("at work here already"))).toHaveLength(1);

  await house.local.restart(async () => {
    await rm(store(), { recursive: true });
    await cp(join(copy, "pg"), store(), { recursive: true });
  });
  // The control: the store has forgotten the run, and finds it again.
  const again = await house.ended(issue);
  await house.local.app.recovery.pass();
  await house.heard();
  expect(again).toMatchObject({ id: first.id, pageKey: first.pageKey, state: { outcome: "succeeded" } });
  expect(again.pullRequest?.number).toBe(first.pullRequest?.number);
  expect(again.startedAtMs).toBeUndefined();
  expect(await house.runsOf(issue)).toHaveLength(1);
  expect(await seen()).toEqual(before);
});
