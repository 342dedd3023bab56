import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parkAfterMs } from "../../src/run/waiting.ts";
import { verifyChain } from "../../src/secret/chain.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ limits: { concurrency: 1 } });
});
afterAll(() => house?.close());

const shell = (command: string) => ({ tool: "Bash", input: { command } });
const goOn =
  "[ -e seen.txt ] || { git status --short > /tmp/seen; mv /tmp/seen seen.txt; echo more >> begun.txt; git add -A; git commit -qm 'Go on'; }";
/** Work that meets the limit in its middle: something committed, something left lying, then the rest. */
const interrupted = (retryAfterSeconds: number) => ({
  turns: [
    shell("echo begun > begun.txt; git add -A; git commit -qm 'Begin'; echo lying > lying.txt"),
    { error: { status: 429, headers: { "retry-after": `${retryAfterSeconds}` }, times: 1 } },
    // Twice, since Claude Code notes the interruption as an answer of its own in the session that it goes on with.
    ...[shell(goOn), shell(goOn)],
    { text: "Both are done." },
  ],
});

async function parked(of: TestHouse, issue: number) {
  return until(`#${issue} parked`, async () => {
    const seen = (await of.runsOf(issue)).at(-1);
    if (seen?.state.at === "ended") throw new Error(JSON.stringify([seen.state, seen.timeline]));
    return seen?.timeline.some(({ words }) => words === "Sandbox put away") ? seen : undefined;
  });
}
const containersOf = (of: TestHouse, run: string) =>
  of.machine.engine.docker.listContainers({ all: true, filters: JSON.stringify({ label: [`airlock.run=${run}`] }) });

/** As after a restart of the machine: volumes are there, and nothing is mounted. */
async function loseMounts(run: string): Promise<void> {
  const mounted = async () =>
    (await readFile("/proc/self/mountinfo", "utf8")).split("\n").flatMap((row) => {
      const folder = row.split(" ")[4];
      return folder?.includes(`/volumes/airlock-${run}`) ? [folder] : [];
    });
  const folders = await mounted();
  expect(folders).toHaveLength(1);
  for (const folder of folders) await execa("umount", [folder]);
  expect(await mounted()).toEqual([]);
}

describe("a run that meets the provider's limit", { timeout: 240_000 }, () => {
  it("is parked, holds nothing, says until when, and goes on with its session over a restart of App and machine; what is asked meanwhile waits too", async () => {
    house.local.model.setScenario(interrupted(30));
    const issue = await house.openIssue({ title: "Meet the limit" });
    await house.setLabel(issue);
    const run = await parked(house, issue);
    expect(run.state).toMatchObject({
      at: "waiting",
      words: expect.stringMatching(/^Waiting until 2\d{3}-\d\d-\d\d \d\d:\d\d UTC/),
    });
    // Nothing that others could use, and no token.
    expect(await containersOf(house, run.id)).toEqual([]);
    expect(run.grants.every(({ revokedAtMs }) => revokedAtMs !== undefined)).toBe(true);
    const rows = await house.local.app.db.selectFrom("runs").select("uid").where("id", "=", run.id).execute();
    expect(rows).toEqual([{ uid: null }]);
    const limit = await house.local.app.db.selectFrom("limits").select("until_ms").executeTakeFirstOrThrow();
    // Told everywhere.
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    expect([check.status, `${check.output.title} ${check.output.summary}`]).toEqual([
      "in_progress",
      expect.stringContaining("Waiting until"),
    ]);
    expect((await house.answersOn(issue))[0]?.body).toContain("Waiting until");
    expect((await house.page(run)).text).toContain("Waiting until");

    const meanwhile = await house.openIssue({ shell: "echo later > later.txt; git add -A; git commit -qm Later" });
    await house.setLabel(meanwhile);
    await loseMounts(run.id);
    await house.local.restart();
    await until("the second run queued", async () => (await house.runsOf(meanwhile))[0]?.state.at === "queued");
    const askedBefore = house.local.model.requests().length;

    const [ended, second] = await Promise.all([house.ended(issue), house.ended(meanwhile)]);
    house.local.model.setScenario(undefined);
    expect(ended.state, JSON.stringify(ended.state)).toMatchObject({ outcome: "succeeded" });
    expect(second.state).toMatchObject({ outcome: "succeeded" });
    // The wall was met once, and nobody tried again before it was lifted.
    const asked = house.local.model.requests();
    expect(asked.filter(({ status }) => status === 429)).toHaveLength(1);
    expect(asked.slice(askedBefore).length).toBeGreaterThan(0);
    expect(second.timeline.find(({ words }) => words === "A place is free")?.atMs).toBeGreaterThan(
      Number(limit.until_ms) - parkAfterMs,
    );
    // The same session: what came before is in what is asked after.
    expect(asked.slice(askedBefore).some(({ messages }) => (messages ?? 0) >= 3)).toBe(true);
    // The tree as it was left: the file lay there uncommitted.
    const { json: files } = await house.ask("maintainer", "GET", `/pulls/${ended.pullRequest?.number}/files`);
    const patches = Object.fromEntries(files.map(({ filename, patch }: Record<string, string>) => [filename, patch]));
    expect(Object.keys(patches).sort()).toEqual(["begun.txt", "lying.txt", "seen.txt"]);
    expect(patches["begun.txt"]).toContain("+more");
    expect(patches["seen.txt"]).toContain("lying.txt");
    // Its record is one, over both sandboxes.
    const evidence = await house.local.app.reader.evidence(ended.id);
    expect(verifyChain(ended.id, evidence?.rows ?? [], evidence?.head)).toMatchObject({ ok: true });
  });

  it("is ended while it waits by /agent stop, and its work is kept", async () => {
    house.local.model.setScenario(interrupted(3_600));
    const issue = await house.openIssue({ title: "Meet it again" });
    await house.setLabel(issue);
    await parked(house, issue);
    await house.comment(issue, "/agent stop");
    const run = await house.ended(issue);
    house.local.model.setScenario(undefined);
    expect(run.state).toMatchObject({ outcome: "cancelled", reason: expect.stringContaining("/agent stop") });
    for (const kept of ["+begun", "+lying"]) expect(run.patch).toContain(kept);
  });
});

describe("a run that may not wait for so long", () => {
  it("is ended at once with its work kept, and says when to ask again", async () => {
    const hasty = await openHouse({ limits: { concurrency: 1, waitHours: 0 } });
    try {
      hasty.local.model.setScenario(interrupted(3_600));
      const issue = await hasty.openIssue({ title: "Meet the limit" });
      await hasty.setLabel(issue);
      const run = await hasty.ended(issue);
      expect(run.state).toMatchObject({
        outcome: "timed_out",
        reason: expect.stringMatching(/until 2\d{3}-.*AIRLOCK_WAIT_HOURS/),
      });
      for (const kept of ["+begun", "+lying"]) expect(run.patch).toContain(kept);
    } finally {
      await hasty.close();
    }
  });
});
