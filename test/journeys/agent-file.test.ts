import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fact } from "../../src/run/fact.ts";
import type { RunId } from "../../src/run/identity.ts";
import { factsOf } from "../../src/store/queries/facts.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { shellBlock } from "../helpers/people.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ limits: { minutes: 3, processes: 800 } });
});
afterAll(() => house?.close());

const path = ".github/agent.yml";
/** Makes the file, or changes it. */
async function write({ branch, content }: { branch: string; content: string }): Promise<void> {
  const { status, json: old } = await house.ask("maintainer", "GET", `/contents/${path}?ref=${branch}`);
  const body = { message: "Limit runs", branch, content: Buffer.from(content).toString("base64") };
  const put = await house.ask("maintainer", "PUT", `/contents/${path}`, { ...body, ...(status === 200 && { sha: old.sha }) });
  expect(put.status).toBeLessThan(300);
}
const factOf = async <Is extends Fact["is"]>(run: RunId, is: Is): Promise<Extract<Fact, { is: Is }> | undefined> => {
  const found = (await factsOf(house.local.app.db, run)).find(({ fact }) => fact.is === is)?.fact;
  return found as Extract<Fact, { is: Is }> | undefined;
};
const spanOf = async (run: RunId) => {
  const launched = await factOf(run, "launched");
  return launched && launched.deadlineAtMs - launched.atMs;
};

describe("a repository's own limits", () => {
  it("hold its runs to less than the operator does, and what goes beyond is told on check, comment and page", async () => {
    const content = "limits:\n  minutes: 1\n  memory: 8g\n  processes: 300\n  disk: 600m\n  inodes: 20000\n";
    await write({ branch: "main", content });
    const shell =
      "df --output=itotal /work | tail -1; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true";
    const issue = await house.openIssue({ shell });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("no_changes");
    expect(await spanOf(run.id)).toBe(60_000);
    const said = await house.transcriptOf(run.id);
    const [files, processes] = /tool-result:\s*(\d+)\s+(\d+)/.exec(said)?.slice(1).map(Number) ?? [];
    expect(files).toBeGreaterThanOrEqual(20_000);
    expect(files).toBeLessThan(30_000);
    expect(processes).toBe(300);
    const told = /asks for 8 GiB of memory; the operator allows 4 GiB/;
    expect(run.limitNotes).toEqual([expect.stringMatching(told)]);
    expect((await house.page(run)).text).toMatch(told);
    expect((await house.answersOn(issue))[0]?.body).toMatch(told);
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    expect(check.output.summary).toMatch(told);
  });

  it("are the target's for a pull request, whatever its own branch says", async () => {
    await write({ branch: "main", content: "limits: {minutes: 2}\n" });
    await house.commit({ branch: "theirs", path: "notes.txt", content: "one\n" });
    await write({ branch: "theirs", content: "limits: {minutes: 1, memory: many}\n" });
    const { json: pull } = await house.ask("maintainer", "POST", "/pulls", { title: "Notes", head: "theirs", base: "main" });
    await house.comment(pull.number, `/agent fix\n${shellBlock("echo done")}`);
    const run = await house.ended(pull.number);
    expect(await spanOf(run.id)).toBe(120_000);
  });

  it("are nothing to guess at: a file that is malformed keeps the run from starting, with its place", async () => {
    await write({ branch: "main", content: "limits:\n  minutes: 2\n  memroy: 1g\n" });
    const issue = await house.openIssue({ shell: "echo never" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("refused");
    expect(run.startedAtMs).toBeUndefined();
    const words = [/agent\.yml, line 3, column 3: limits\.memroy is no key/, /Known are: minutes, memory/];
    const body = (await house.answersOn(issue))[0]?.body ?? "";
    const { json: check } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    for (const pattern of words) for (const text of [run.state.reason, body, check.output.summary]) expect(text).toMatch(pattern);
    expect(check.conclusion).toBe("failure");

    // The control: mended, the same issue runs.
    await write({ branch: "main", content: "limits:\n  minutes: 2\n  memory: 1g\n" });
    await house.setLabel(issue);
    expect((await house.ended(issue, 2)).state.outcome).toBe("no_changes");
  });

  it("stand in one place: another spelling is refused rather than passed over", async () => {
    const { json: old } = await house.ask("maintainer", "GET", `/contents/${path}`);
    await house.ask("maintainer", "DELETE", `/contents/${path}`, { message: "Move", sha: old.sha, branch: "main" });
    await house.commit({ branch: "main", path: ".github/agent.yaml", content: "limits: {minutes: 1}\n" });
    const issue = await house.openIssue({ shell: "echo never" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "refused", reason: expect.stringContaining("Rename it to .github/agent.yml") });
  });
});
