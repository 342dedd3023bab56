import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandFrame, openCommandFrame } from "../helpers/command.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
let frame: CommandFrame;
beforeAll(async () => {
  frame = await openCommandFrame();
  house = await openHouse({ limits: { concurrency: 2 } });
});
afterAll(async () => {
  await house?.close();
  await frame?.[Symbol.asyncDispose]();
});

const airlock = (...args: string[]) => frame.run([...args, "--data", house.local.dataFolder]);
const work = (name: string) => `echo made > ${name}; git add -A; git commit -qm "Add ${name}"`;

describe("an Airlock that its operator pauses", () => {
  it("begins no run and says so; with --now it puts away what is at work; both go on afterwards, over a restart", async () => {
    const atWork = await house.openIssue({
      shell: `if [ -e half.txt ]; then ${work("rest.txt")}; else echo half > half.txt; ${signOfLife}; sleep 300; fi`,
    });
    await house.setLabel(atWork);
    await house.inShell(atWork);
    expect(await airlock("pause")).toMatchObject({ code: 0, err: expect.stringContaining("those at work go on") });
    const waiting = await house.openIssue({ shell: work("later.txt") });
    await house.setLabel(waiting);
    const told = () => house.answersOn(waiting).then((all) => all[0]?.body ?? "");
    await until("the pause told", async () => (await told()).includes("Paused by the operator"));
    // A place is free, and what was at work is at work.
    expect((await house.runsOf(waiting))[0]?.state).toMatchObject({ at: "queued", words: expect.stringContaining("Paused by") });
    expect((await house.runsOf(atWork))[0]?.state.at).toBe("working");
    expect((await airlock("runs", "list")).err).toContain("everything is paused by the operator");

    expect((await airlock("pause", "--now", "--json")).out).toContain('{"ok":true}');
    const away = await until("the run put away", async () => {
      const run = (await house.runsOf(atWork))[0];
      return run?.timeline.some(({ words }) => words === "Sandbox put away") ? run : undefined;
    });
    expect(away.state).toMatchObject({ at: "waiting", words: expect.stringContaining("Paused by the operator") });
    await house.local.restart();
    await house.comment(atWork, "/agent status");
    // The run's own comment, and the answer.
    await until(
      "the status",
      async () => (await house.answersOn(atWork)).filter(({ body }) => body.includes("Paused by")).length === 2,
    );

    expect((await airlock("resume")).err).toContain("everything is resumed");
    for (const issue of [atWork, waiting]) {
      const run = await house.ended(issue);
      expect(run.state, JSON.stringify(run.timeline)).toMatchObject({ outcome: "succeeded" });
    }
    expect(await airlock("resume")).toMatchObject({ code: 1, err: expect.stringContaining("everything is not paused") });
  });

  it("may pause one repository, by its id, and no other", async () => {
    const { github } = house.local;
    await github.addRepository({ owner: "acme", name: "vault", files: { "a.txt": "a" } } as never);
    expect((await airlock("pause", "--repo", "acme/vault")).code).toBe(0);
    const issue = await house.openIssue({ shell: work("elsewhere.txt") });
    await house.setLabel(issue);
    expect((await house.ended(issue)).state).toMatchObject({ outcome: "succeeded" });
    expect((await airlock("pause", "--repo", "ACME/Shop")).code).toBe(0);
    const kept = await house.openIssue({ shell: work("kept.txt") });
    await house.setLabel(kept);
    await until("the pause told", async () => (await house.answersOn(kept))[0]?.body.includes("Paused by the operator"));
    expect(await airlock("resume")).toMatchObject({ code: 1, err: expect.stringMatching(/paused: .*acme\/shop/) });
    expect((await airlock("resume", "--repo", "acme/shop")).code).toBe(0);
    expect((await house.ended(kept)).state).toMatchObject({ outcome: "succeeded" });
    expect((await airlock("pause", "--repo", "acme/none")).err).toMatch(/not installed on acme\/none/);
    expect((await airlock("pause", "--repo", "acme")).err).toContain("owner/name");
    await airlock("resume", "--repo", "acme/vault");
  });
});
