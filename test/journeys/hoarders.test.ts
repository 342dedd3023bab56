import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

const mebibyte = 1024 ** 2;
const limits = {
  ...{ concurrency: 2, memoryBytes: 1024 * mebibyte, processes: 200, diskBytes: 256 * mebibyte, diskFiles: 3_000 },
  ...{ minutes: 2, budgetMicroUsd: 10_000_000, outputBytes: 3 * mebibyte },
};
let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ limits });
});
afterAll(() => house?.close());

/** What takes all of something, what is said of it, and what a place without that limit would show. */
const hoards: [name: string, take: string, told: RegExp][] = [
  ["its disk", "head -c 400M /dev/zero > /work/home/filler", /disk was full \(256 MiB of disk\)/],
  [
    "its files",
    "mkdir /work/home/many; for i in $(seq 6000); do : > /work/home/many/$i || break; done",
    /as many files and folders as it may \(3,000/,
  ],
  // Long enough that a slow machine has started them all before the first ends; the shell's output is not theirs to hold.
  ["its processes", "for i in $(seq 400); do setsid sleep 20 >/dev/null & done", /number of processes.* \(200 processes\)/],
  ["its memory", "python3 -c 'b = bytearray(2 << 30)'", /memory was used up \(1 GiB of memory\)/],
];

describe("[37] a run that takes all of", () => {
  it.each(hoards)("%s keeps its work and says so, and its neighbour and the App do not notice", async (_, take, told) => {
    // One file is committed, the other left lying, and then there is no room to commit it.
    const shell = `echo kept > kept.txt; git add -A; git commit -qm 'Keep this'; echo late > late.txt; (${take}) 2>/dev/null; sleep 2`;
    const greedy = await house.openIssue({ shell });
    const modest = await house.openIssue({ shell: "echo fine > fine.txt; git add -A; git commit -qm 'Fine'" });
    await house.setLabel(greedy);
    await house.setLabel(modest);
    const neighbour = await house.ended(modest);
    expect(neighbour.state).toMatchObject({ outcome: "succeeded" });
    expect(neighbour.limitNotes ?? []).toEqual([]);

    const run = await house.ended(greedy);
    // An agent that gets no further thread may end by it: then that is its reason.
    if (run.state.outcome !== "succeeded")
      expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("number of processes") });
    expect(run.limitNotes).toEqual([expect.stringMatching(told)]);
    for (const kept of ["+kept", "+late"]) expect(run.patch).toContain(kept);
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    expect(check.output.summary).toMatch(told);
    expect((await house.page(run)).text).toMatch(told);
  });
});

describe("[15] an agent that spends more than its run may", () => {
  it("is refused the next call, ends with the reason, and its work is kept", async () => {
    const shell = (command: string) => ({ tool: "Bash", input: { command } });
    const dear = { usage: { outputTokens: 400_000 } };
    const turns = [{ ...shell("echo begun > begun.txt; git add -A; git commit -qm 'Begin'"), ...dear }];
    house.local.model.setScenario({
      turns: [...turns, ...Array.from({ length: 40 }, (_, n) => ({ ...shell(`echo ${n}`), ...dear }))],
    });
    const issue = await house.openIssue({ title: "Spend and spend" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    house.local.model.setScenario(undefined);
    expect(run.state).toMatchObject({ outcome: "over_budget", reason: expect.stringContaining("AIRLOCK_RUN_BUDGET_USD") });
    expect(run.patch).toContain("+begun");
    expect(run.evidence.rows.filter(({ rule }) => rule === "model.over-budget").length).toBeGreaterThan(0);
    const told = await until("the answer", async () => (await house.answersOn(issue)).find(({ body }) => /budget/i.test(body)));
    expect(told.body).toContain("of 10.00 USD are spent");
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    expect(check).toMatchObject({ status: "completed", conclusion: "failure" });
  });
});

describe("[78] an agent that leaves programs behind", () => {
  it("gets nothing into its work once it has ended", async () => {
    const repository = "http://127.0.0.1:8090/git/repository.git";
    const evil = "echo evil >> evil.txt; /usr/bin/git add -A; /usr/bin/git commit -qm evil";
    const shell = [
      // What would run instead of git, and before it.
      "mkdir -p ~/.local/bin; printf '#!/bin/sh\\necho evil > /work/repo/planted.txt; exec /usr/bin/git \"$@\"\\n' > ~/.local/bin/git",
      "printf '#!/bin/sh\\necho evil > /work/repo/hooked.txt\\n' > .git/hooks/pre-commit",
      "chmod +x ~/.local/bin/git .git/hooks/pre-commit; git config alias.add '!false'; git config core.fsmonitor ~/.local/bin/git",
      // What goes on, out of reach of whoever ends the agent.
      `setsid nohup bash -c 'trap "" TERM HUP INT; /usr/bin/git clone -q ${repository} /tmp/r; cd /tmp/r; while :; do ${evil}; /usr/bin/git push -qf origin HEAD:refs/heads/work; done' >/dev/null 2>&1 &`,
      `until /usr/bin/git ls-remote ${repository} refs/heads/work | grep -q work; do :; done; echo its push went through`,
      "rm -f planted.txt hooked.txt; echo good > good.txt",
    ].join("\n");
    const issue = await house.openIssue({ shell });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    // The control: as long as the agent lived, what it had left running did as it liked.
    expect(await house.transcriptOf(run.id)).toContain("its push went through");
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    const { json: files } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}/files`);
    expect(files.map(({ filename }: { filename: string }) => filename)).toEqual(["good.txt"]);
  });
});

describe("[38] an agent that prints without end", () => {
  it("is ended at its limit, and its work is kept", async () => {
    const shell = (command: string) => ({ tool: "Bash", input: { command } });
    const print = (nth: number) => ({
      ...shell(`head -c 20000 /dev/urandom | base64 -w 0; echo ${nth}`),
      usage: { inputTokens: 9, outputTokens: 9 },
    });
    const begin = shell("echo begun > begun.txt; git add -A; git commit -qm 'Begin'");
    house.local.model.setScenario({ turns: [begin, ...Array.from({ length: 150 }, (_, nth) => print(nth))] });
    const issue = await house.openIssue({ title: "Print and print" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    house.local.model.setScenario(undefined);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("AIRLOCK_OUTPUT") });
    expect((await house.transcriptOf(run.id)).split("tool: head -c 20000").length).toBeLessThan(140);
    expect(run.patch).toContain("+begun");
  });
});
