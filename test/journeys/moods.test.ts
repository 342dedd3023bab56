import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { factsOf } from "../../src/store/queries/facts.ts";
import { controlFell } from "../helpers/control.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { signOfLife } from "../helpers/people.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

/** A run whose agent has made something, and is not done: what is done to the repository now meets it in mid-work. */
async function begun(name: string, seconds = 5) {
  const shell = `echo made > ${name}; git add -A; git commit -qm "Add ${name}"; ${signOfLife}; sleep ${seconds}`;
  const issue = await house.openIssue({ shell });
  await house.setLabel(issue);
  const run = await house.inShell(issue);
  return { issue, branch: run.branch ?? "" };
}

const repository = () => {
  const found = [...house.local.github.world.repositories.values()].find(({ name }) => name === "shop");
  if (!found) throw new Error("the local GitHub lost its repository");
  return found;
};
const installation = () => {
  const found = house.local.github.world.installations.find(({ id }) => id === house.local.github.app.installationId);
  if (!found) throw new Error("the App is not installed");
  return found;
};

describe("[45] what happens to a repository or an installation while the agent works", () => {
  it("archived: the run ends with GitHub's words, and the work so far is kept", async () => {
    const { issue, branch } = await begun("archived.txt");
    const before = await house.tipOf(branch);
    repository().archived = true;
    const run = await house.ended(issue).finally(() => {
      repository().archived = false;
    });
    expect(run.state).toMatchObject({
      outcome: expect.stringMatching(/refused|failed/),
      reason: expect.stringContaining("archived"),
    });
    expect(run.patch).toContain("archived.txt");
    expect(await house.tipOf(branch)).toBe(before);
  });

  it("permissions reduced: the run ends and names what is missing and where it is granted, and the work is kept", async () => {
    const { issue } = await begun("reduced.txt");
    const { permissions } = installation();
    installation().permissions = { ...permissions, contents: "read" };
    const run = await house.ended(issue);
    installation().permissions = permissions;
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("Contents: read and write") });
    expect(run.state.reason).toContain(`/installations/${installation().id}`);
    expect(run.patch).toContain("reduced.txt");
    expect((await house.answersOn(issue))[0]?.body).toContain("Contents: read and write");
  });

  it("renamed, and its old name taken by a stranger: the work goes to where the repository is, and the stranger gets nothing", async () => {
    const { github } = house.local;
    const { issue, branch } = await begun("renamed.txt");
    await github.happen({ do: "rename", repository: "acme/shop", to: "store" });
    const files = { "README.md": "A stranger's\n" };
    const stranger = await github.addRepository({ owner: "acme", name: "shop", files, installed: false });
    const run = await house.ended(issue);
    // By its name it would have been the one: it has what the run would have read and written.
    controlFell((await house.ask("maintainer", "GET", "")).json.id === stranger.id, "asking for the old name");
    const theirs = github.world.repositories.get(stranger.id);
    expect([theirs?.issues.size, theirs?.comments.size, theirs?.checkRuns.size, theirs?.labels.length]).toEqual([0, 0, 0, 0]);
    expect((await house.ask("maintainer", "GET", "/branches")).json).toMatchObject([{ name: "main" }]);
    // Whoever looks for it is led to where it is.
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    expect(run.repository.name).toBe("store");
    expect(run.pullRequest?.url).toContain("/acme/store/pull/");
    expect((await house.page(run)).text).toContain(`/acme/store/issues/${issue}`);
    await github.happen({ do: "rename", repository: "acme/shop", to: "strangers" });
    await github.happen({ do: "rename", repository: "acme/store", to: "shop" });
    const { json: pull } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`);
    expect(pull).toMatchObject({ head: { ref: branch }, state: "open" });
    expect((await house.answersOn(issue))[0]?.body).toContain(`The work is in #${run.pullRequest?.number}`);
  });

  it("its issue locked: the work goes on to its pull request, and the check says what could not be told", async () => {
    const issue = await house.openIssue({ shell: "echo locked > locked.txt; git add -A; git commit -qm 'Add locked.txt'" });
    await house.local.github.happen({ do: "lock-issue", repository: "acme/shop", issue });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    expect(await house.answersOn(issue)).toEqual([]);
    const [check] = await house.checksOn((await house.tipOf(`agent/issue-${issue}`)) ?? "");
    expect(check).toMatchObject({ conclusion: "success", output: { summary: expect.stringContaining("issue is locked") } });
  });

  it("suspended: the run ends within seconds of GitHub's word, with who did it, and the work is kept", async () => {
    const { issue } = await begun("suspended.txt", 100);
    const suspendedAtMs = Date.now();
    await house.local.github.happen({ do: "suspend", owner: "acme" });
    const run = await house.ended(issue);
    await house.local.github.happen({ do: "unsuspend", owner: "acme" });
    const facts = await factsOf(house.local.app.db, run.id);
    expect((facts.find(({ fact }) => fact.is === "stop-asked")?.atMs ?? 0) - suspendedAtMs).toBeLessThan(10_000);
    expect(run.state).toMatchObject({
      outcome: "cancelled",
      reason: expect.stringMatching(/^maintainer suspended the App's installation for acme\. .*kept on the run's page\.$/),
    });
    expect(run.patch).toContain("suspended.txt");
    // What could not be revoked meanwhile is, at the next look.
    await house.local.restart();
    expect(house.local.github.state().tokens.live).toBe(0);
  });

  it("uninstalled: the run ends, says so, and no token is left", async () => {
    const { issue } = await begun("uninstalled.txt");
    house.local.github.uninstall();
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({
      outcome: "failed",
      reason: expect.stringMatching(/not installed for acme any more.*kept on the run's page\.$/),
    });
    expect(run.patch).toContain("uninstalled.txt");
  });
});
