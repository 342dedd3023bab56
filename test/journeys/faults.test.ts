import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterEach(() => house?.local.github.faults.clear());
afterAll(() => house?.close());

const api = "/api/v3/repos/acme/shop";
const work = (name: string) => `echo made > ${name}; git add -A; git commit -qm "Add ${name}"; echo "Added ${name}"`;

describe("a push that GitHub refuses", () => {
  it("ends the run with GitHub's words, and the work is kept", async () => {
    const { faults } = house.local.github;
    const rule = { path: "/acme/shop.git/git-receive-pack", method: "POST" };
    faults.add({ match: rule, refusePush: "protected branch hook declined" });
    const issue = await house.openIssue({ shell: work("protected.txt") });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "refused", reason: expect.stringContaining("protected branch hook declined") });
    expect(faults.list()).toEqual([]);
    expect(run.patch).toContain("+made");
    expect((await house.page(run)).text).toContain("protected.txt");
    expect(run.pullRequest).toBeUndefined();
    expect(await house.checksOn(start)).toMatchObject([{ status: "completed", conclusion: "failure" }]);
    const [answer] = await house.answersOn(issue);
    expect(answer?.body).toContain("protected branch hook declined");
    expect(answer?.body).toContain("branch's protection rules");
  });
});

describe("a GitHub that is away while the work is to be pushed", () => {
  it("is waited for, the page says so, and the work leaves when it is back", async () => {
    const { faults } = house.local.github;
    faults.add({ match: { path: "/acme/shop.git/git-receive-pack", method: "POST" }, status: 503, times: 1_000 });
    const issue = await house.openIssue({ shell: work("patient.txt") });
    await house.setLabel(issue);
    const waiting = await until("the run to say that it waits", async () => {
      const run = (await house.runsOf(issue)).at(-1);
      return run?.state.next?.includes("nothing is lost") ? run : undefined;
    });
    expect(waiting.state.at).toBe("publishing");
    expect((await house.page(waiting)).text).toContain("does not answer");
    faults.clear();
    expect(await house.ended(issue)).toMatchObject({
      state: { outcome: "succeeded" },
      pullRequest: { number: expect.any(Number) },
    });
  });
});

describe("an answer that is lost after GitHub did what was asked", () => {
  it("leaves one branch, one comment, one check a commit and one pull request", async () => {
    const { faults, world } = house.local.github;
    const issue = await house.openIssue({ shell: work("once.txt") });
    const lost = { thenStatus: 502, times: 1 };
    for (const path of ["/git/refs", "/check-runs", `/issues/${issue}/comments`, "/pulls"])
      faults.add({ ...lost, match: { method: "POST", path: api + path } });
    faults.add({ ...lost, match: { method: "POST", path: "/acme/shop.git/git-receive-pack" } });
    await house.setLabel(issue);
    const run = await house.ended(issue);

    expect(faults.list()).toEqual([]);
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    expect(await house.answersOn(issue)).toHaveLength(1);
    const { json: pulls } = await house.ask("maintainer", "GET", "/pulls?state=all");
    const ours = pulls.filter(({ head }: { head: { ref: string } }) => head.ref.startsWith(`agent/issue-${issue}`));
    expect(ours).toMatchObject([{ number: run.pullRequest?.number, head: { ref: `agent/issue-${issue}` } }]);
    const repository = [...world.repositories.values()].find(({ name }) => name === "shop");
    const checks = [...(repository?.checkRuns.values() ?? [])].filter(({ externalId }) => externalId === run.id);
    // The start commit's, and the head's.
    expect(checks.map(({ conclusion }) => conclusion)).toEqual(["success", "success"]);
    expect(new Set(checks.map(({ suite }) => suite.headSha)).size).toBe(2);
    expect(await house.tipOf(`agent/issue-${issue}-2`)).toBeUndefined();
  });
});

describe("a check run that GitHub refuses", () => {
  it("ends the run before any work, without a branch, and the label can be set again", async () => {
    const { faults } = house.local.github;
    faults.add({ match: { method: "POST", path: `${api}/check-runs` }, status: 422, message: "Checks are not for you" });
    const issue = await house.openIssue({ shell: "echo 'Nothing to do.'" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("Checks are not for you") });
    expect(run.startedAtMs).toBeUndefined();
    expect(await house.tipOf(`agent/issue-${issue}`)).toBeUndefined();
    expect(await house.labelsOf(issue)).toEqual([]);
    // GitHub's times count seconds: a label is told from an earlier one by its second.
    await until("the next second", () => Date.now() > Math.ceil((run.endedAtMs ?? 0) / 1_000) * 1_000);
    await house.setLabel(issue);
    expect(await house.ended(issue, 2)).toMatchObject({ branch: `agent/issue-${issue}`, state: { outcome: "no_changes" } });
  });
});

describe("a model that answers with an error", () => {
  it("ends the run with words, once, and is not asked over and over", async () => {
    const { model } = house.local;
    const error = { status: 400, message: "messages: the request is not what it should be" };
    model.setScenario({ turns: [{ error }] });
    const before = model.requests().length;
    const issue = await house.openIssue({ body: "Do something" });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    model.setScenario(undefined);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("exit code 1") });
    expect(await house.transcriptOf(run.id)).toContain(error.message);
    const asked = model.requests().slice(before);
    // Claude Code leaves out what might have been wrong, a few times, at once; a storm would go on for minutes.
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(10);
    expect((asked.at(-1)?.atMs ?? 0) - (asked[0]?.atMs ?? 0)).toBeLessThan(10_000);
    expect(await house.checksOn(start)).toMatchObject([{ status: "completed", conclusion: "failure" }]);
    const answers = await house.answersOn(issue);
    expect(answers.map(({ body }) => body)).toEqual([expect.stringContaining("exit code 1")]);
    expect(await house.runsOf(issue)).toHaveLength(1);
    expect(await house.labelsOf(issue)).toEqual([]);
  });
});

describe("a permission that the App lacks", () => {
  it("is named on the issue, with where it is granted", async () => {
    const { world, app } = house.local.github;
    const installation = world.installations.find(({ id }) => id === app.installationId);
    const { permissions = {} } = installation ?? {};
    const { checks: _, ...rest } = permissions;
    if (installation) installation.permissions = rest;
    try {
      const issue = await house.openIssue({ shell: work("unseen.txt") });
      await house.setLabel(issue);
      const run = await house.ended(issue);
      expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("Checks: read and write") });
      const [answer, ...more] = await house.answersOn(issue);
      expect(more).toEqual([]);
      expect(answer?.body).toContain("Checks: read and write");
      expect(answer?.body).toContain("Permissions & events");
      expect(answer?.body).toContain(`/installations/${app.installationId}`);
      expect(run.startedAtMs).toBeUndefined();
      expect(await house.labelsOf(issue)).toEqual([]);
      expect(await house.tipOf(`agent/issue-${issue}`)).toBeUndefined();
    } finally {
      if (installation) installation.permissions = permissions;
    }
  });
});
