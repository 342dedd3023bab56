import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPlaceSettings } from "../../src/settings.ts";
import { type CommandFrame, openCommandFrame } from "../helpers/command.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let frame: CommandFrame;
beforeAll(async () => {
  frame = await openCommandFrame();
  house = await openHouse({
    limits: { caps: [{ scope: "repository", per: "day", microUsd: 2_000_000 }], concurrency: 1 },
  });
});
afterAll(async () => {
  await house?.close();
  await frame?.[Symbol.asyncDispose]();
});

const budgets = async () => {
  const { out } = await frame.run(["budget", "--json", "--data", house.local.dataFolder]);
  const all = JSON.parse(out).budgets as {
    scope: string;
    per: string;
    name?: string;
    spentMicroUsd: number;
    reservedMicroUsd: number;
  }[];
  return all.find(({ scope, per }) => scope === "repository" && per === "day");
};

describe("a repository whose money for the day is counted", { timeout: 180_000 }, () => {
  it("[15] has a call held while the App cannot be asked, and the run goes on with it", async () => {
    const { dataFolder, model } = house.local;
    const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
    const socket = join(runtimeFolder, "caps.sock");
    const issue = await house.openIssue({
      shell: `${signOfLife}; sleep 1; echo held > held.txt; git add -A; git commit -qm Held`,
    });
    await house.setLabel(issue);
    await house.inShell(issue);
    const asked = model.requests().length;
    renameSync(socket, `${socket}.away`);
    const lastReceipt = () =>
      readFileSync(join(dataFolder, "spool", "receipts"), "utf8")
        .trim()
        .split("\n")
        .at(-1) ?? "";
    await until("a call that is held", async () => lastReceipt().includes('"at":"asked"'));
    expect(model.requests()).toHaveLength(asked);
    renameSync(`${socket}.away`, socket);
    const run = await house.ended(issue);
    expect(run.state, JSON.stringify(run.state)).toMatchObject({ outcome: "succeeded" });
    expect(model.requests().length).toBeGreaterThan(asked);
    const spent = Math.round((run.usage.costUsd ?? 0) * 1e6);
    // Each call is rounded up to a whole micro-dollar.
    await until("all of it to be settled", async () => (await budgets())?.reservedMicroUsd === 0);
    expect(Math.abs(((await budgets())?.spentMicroUsd ?? 0) - spent)).toBeLessThan(run.usage.turns + 1);
  });

  it("[15] ends a run that has used it up, and refuses the next before it begins, saying on issue, check and page until when", async () => {
    const shell = (command: string) => ({ tool: "Bash", input: { command } });
    const dear = { usage: { outputTokens: 40_000 } };
    const turns = [{ ...shell("echo begun > begun.txt; git add -A; git commit -qm 'Begin'"), ...dear }];
    house.local.model.setScenario({
      turns: [...turns, ...Array.from({ length: 40 }, (_, n) => ({ ...shell(`echo ${n}`), ...dear }))],
    });
    const issue = await house.openIssue({ title: "Spend and spend" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    house.local.model.setScenario(undefined);
    const told = /The budget of this repository is used up for this day, which ends at 2\d{3}-\d\d-\d\d 00:00 UTC\./;
    expect(run.state, JSON.stringify(run.state)).toMatchObject({ outcome: "over_budget", reason: expect.stringMatching(told) });
    expect(run.patch).toContain("+begun");
    expect(run.evidence.rows.filter(({ rule }) => rule === "model.over-cap").length).toBeGreaterThan(0);

    const asked = house.local.model.requests().length;
    const next = await house.openIssue({ shell: "echo never > never.txt" });
    await house.setLabel(next);
    const refused = await house.ended(next);
    expect(refused.state).toMatchObject({ outcome: "over_budget", reason: expect.stringMatching(told) });
    expect(refused.timeline.map(({ words }) => words)).not.toContain("A place is free");
    expect(house.local.model.requests()).toHaveLength(asked);

    for (const [of, each] of [
      [issue, run],
      [next, refused],
    ] as const) {
      const [answer, ...further] = await house.answersOn(of);
      expect(further).toEqual([]);
      expect(answer?.body).toMatch(told);
      expect(answer?.body).toContain("AIRLOCK_REPOSITORY_BUDGET_USD");
      const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${each.checkRun?.id}`);
      expect(check).toMatchObject({ status: "completed", conclusion: "failure" });
      expect(check.output.summary).toMatch(told);
      expect((await house.page(each)).text).toMatch(told);
      expect(await house.labelsOf(of)).not.toContain("agent");
      // What is spent is the operator's to know.
      expect(`${answer?.body} ${check.output.summary}`).not.toMatch(/\d USD/);
    }
    expect(await budgets()).toMatchObject({ name: "acme/shop", capMicroUsd: 2_000_000, reservedMicroUsd: 0 });
    expect((await frame.run(["budget", "--data", house.local.dataFolder])).out).toMatch(
      /repository acme\/shop +day +\$1\.\d+ +\$0\.00 +\$2\.00 /,
    );
  });
});
