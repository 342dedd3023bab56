import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { factsOf } from "../../src/store/queries/facts.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

/** Silence of 24 s is much for this model, and still more than a busy machine needs from one event to the next. */
const limits = { concurrency: 1, stallMinutes: 24 / 60, loopCalls: 4 };
let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ limits });
});
afterAll(() => house?.close());

const shell = (command: string) => ({ tool: "Bash", input: { command } });
const begin = shell("echo begun > begun.txt && git add -A && git commit -qm 'Begin'");
const round = shell("sleep 0.5; cat missing.txt");
const rounds = (times: number) => Array.from({ length: times }, () => round);

async function start(scenario: unknown): Promise<number> {
  house.local.model.setScenario(scenario);
  const issue = await house.openIssue({ title: "Go on and on" });
  await house.setLabel(issue);
  return issue;
}
const nudgesOf = async (run: Parameters<typeof factsOf>[1]) =>
  (await factsOf(house.local.app.db, run)).flatMap(({ fact }) => (fact.is === "nudged" ? [fact] : []));

describe("an agent that makes the same call again and again", () => {
  it("is told so, and ended with that reason where it goes on; its work is kept", async () => {
    const issue = await start({ turns: [begin, ...rounds(60), { text: "Done." }] });
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({
      outcome: "failed",
      reason: expect.stringMatching(/called Bash \d+ times in a row.*AIRLOCK_LOOP_CALLS/),
    });
    expect(await nudgesOf(run.id)).toMatchObject([{ why: "loop", words: expect.stringMatching(/Bash \d+ times in a row/) }]);
    // Long before the sixty that it would have made.
    expect((await house.transcriptOf(run.id)).split("tool: sleep 0.5; cat missing.txt").length).toBeLessThan(40);
    expect(run.patch).toContain("+begun");
    const told = /went round in a circle/;
    expect((await house.answersOn(issue))[0]?.body).toMatch(told);
    expect((await house.page(run)).text).toMatch(told);
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    expect(check).toMatchObject({ conclusion: "failure", output: { summary: expect.stringMatching(told) } });
  });

  it("goes on where it changes its approach, and the report says that it was told", async () => {
    const issue = await start({ turns: [begin, ...rounds(5), shell("echo else"), { text: "All done." }] });
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("succeeded");
    expect(await nudgesOf(run.id)).toHaveLength(1);
    expect(run.limitNotes).toEqual([expect.stringContaining("same call again and again")]);
  });

  it("is left alone where its calls differ: the control", async () => {
    const turns = Array.from({ length: 10 }, (_, n) => shell(`cat missing-${n}.txt`));
    const issue = await start({ turns: [...turns, { text: "None is there." }] });
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("no_changes");
    expect(await nudgesOf(run.id)).toEqual([]);
  });
});

describe("an agent of which nothing is heard", () => {
  it("is told so once, also over a restart, and then ended with that reason; its work is kept", async () => {
    const issue = await start({ turns: [begin, { ...shell("echo late"), delayMs: 170_000 }, { text: "Done." }] });
    const id = await until("a run that works", async () => {
      const [run] = await house.runsOf(issue);
      return run?.state.at === "working" && run.id;
    });
    await until("the word", async () => (await nudgesOf(id)).length > 0);
    await house.local.restart();
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringMatching(/stalled.*AIRLOCK_STALL_MINUTES/) });
    // A restart breaks off the model's answer, and the new try is a sign of life. Never is it told the same twice.
    const told = await nudgesOf(run.id);
    expect(told.map(({ why }) => why)).toEqual(told.map(() => "stall"));
    for (const [n, { atMs }] of told.slice(1).entries())
      expect(atMs - (told[n]?.atMs ?? 0)).toBeGreaterThanOrEqual(limits.stallMinutes * 60_000);
    expect(run.patch).toContain("+begun");
    expect((await house.answersOn(issue))[0]?.body).toContain("The agent stalled");
  }, 150_000);

  it("is left alone while a call of its may still take its time", async () => {
    const issue = await start({
      turns: [{ tool: "Bash", input: { command: "sleep 30; echo built", timeout: 100_000 } }, { text: "Built." }],
    });
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("no_changes");
    expect(await nudgesOf(run.id)).toEqual([]);
  });
});
