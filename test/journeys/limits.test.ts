import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runUids } from "../../src/sandbox/uids.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ limits: { concurrency: 1, minutes: 15 / 60 } });
});
afterAll(() => house?.close());

/** Processes of any run's uid, by what they were started as. */
function processesOfRuns(): string[] {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.flatMap((id) => {
    try {
      const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]);
      const isRuns = uid >= runUids.first && uid < runUids.first + runUids.count;
      return isRuns ? [readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ")] : [];
    } catch {
      // It has gone meanwhile.
      return [];
    }
  });
}

describe("an agent at its deadline", () => {
  it("[39] is ended with what it started, whether it ignores signals or went into the background", async () => {
    const mark = `mark-${crypto.randomUUID()}`;
    const deaf = `sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done' ${mark}`;
    const issue = await house.openIssue({
      shell: `echo begun > begun.txt; setsid nohup ${deaf} >/dev/null 2>&1 & ${signOfLife}; trap "" TERM; ${deaf}`,
    });
    await house.setLabel(issue);
    const { checkRun, startedAtMs = 0 } = await house.inShell(issue);
    // The control: both are there as long as the agent may work.
    await until("both processes", () => processesOfRuns().filter((line) => line.includes(mark)).length >= 2);

    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "timed_out", reason: expect.stringContaining("AIRLOCK_DEADLINE_MINUTES") });
    expect(processesOfRuns().filter((line) => line.includes(mark))).toEqual([]);
    // Ten seconds of work, five of grace, and what it takes to inspect and to tell.
    expect((run.endedAtMs ?? Number.POSITIVE_INFINITY) - startedAtMs).toBeLessThan(await house.timely(run, 30_000));
    expect(run.patch).toContain("+begun");
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${checkRun?.id}`);
    expect(check).toMatchObject({ status: "completed", conclusion: "timed_out" });
    expect((await house.answersOn(issue)).map(({ body }) => body)).toEqual([expect.stringContaining("deadline")]);
  });
});

describe("more issues than places", () => {
  it("wait in turn, are told where they stand, and then run", async () => {
    const issues: number[] = [];
    for (const shell of [`${signOfLife}; sleep 300`, "echo 'second'", "echo 'third'"])
      issues.push(await house.openIssue({ shell }));
    const [first = 0, second = 0, third = 0] = issues;
    await house.setLabel(first);
    await house.inShell(first);
    await house.setLabel(second);
    await until("the second in the queue", async () => (await house.runsOf(second))[0]?.state.at === "queued");
    await house.setLabel(third);
    const comment = await until("the third's place", async () =>
      (await house.answersOn(third)).find(({ body }) => body.includes("number 2 in the queue")),
    );
    expect((await house.answersOn(second))[0]?.body).toContain("Next in the queue");
    await house.comment(first, "/agent stop");
    const ended = [];
    for (const issue of issues) ended.push(await house.ended(issue));
    expect(ended.map(({ state }) => state.outcome)).toEqual(["cancelled", "no_changes", "no_changes"]);
    // One after the other, in the order in which they were asked for.
    for (const [at, run] of ended.slice(1).entries())
      expect(run.startedAtMs ?? 0).toBeGreaterThan(ended[at]?.startedAtMs ?? Number.POSITIVE_INFINITY);
    const answers = await house.answersOn(third);
    expect(answers.map(({ id }) => id)).toEqual([comment.id]);
    expect(answers[0]?.body).toContain("third");
  });
});
