import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../../src/local/github/git.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { shellBlock } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

const folder = () => house.local.github.gitFolder("acme", "shop");
const commitTo = (path: string) =>
  `echo "made for you" > ${path} && git add -A && git commit -q -m "Add ${path}" && echo "Added ${path}"`;

describe.concurrent("an issue", () => {
  it("becomes a pull request when it is labelled", async () => {
    const { github, app } = house.local;
    const issue = await house.openIssue({ title: "Add a note", shell: `sleep 1; ${commitTo("note.txt")}` });
    await house.setLabel(issue, "writer");

    await until("the working label", async () => (await house.labelsOf(issue)).join() === "agent: working");
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    expect(await house.checksOn(start)).toMatchObject([{ name: "Airlock", status: "in_progress" }]);
    const [before] = await house.answersOn(issue);

    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "succeeded" });
    expect(await house.labelsOf(issue)).toEqual([]);
    const head = (await house.tipOf(`agent/issue-${issue}`)) ?? "";
    const { json: pull } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`);
    expect(pull).toMatchObject({
      state: "open",
      user: { login: github.app.bot.login },
      head: { ref: `agent/issue-${issue}`, sha: head },
      base: { ref: "main" },
      title: expect.stringContaining("Add a note"),
    });
    expect(pull.body).toContain(`Closes #${issue}`);
    expect(pull.body).toContain("sealed: no network, no secret inside");
    expect(pull.body).toMatch(/\| Requests \| .*\d/);
    expect(pull.body).toContain("Added note.txt");

    const checks = await house.checksOn(head);
    expect(checks).toMatchObject([{ name: "Airlock", status: "completed", conclusion: "success", external_id: run.id }]);
    expect(checks[0]?.details_url).toBe(`${app.url}/runs/${run.pageKey}`);

    const log = await git(folder(), ["log", "--format=%an|%ae|%cn|%P|%B", `main..${head}`]);
    const main = (await house.tipOf("main")) ?? "";
    const bot = `${github.app.bot.login}|${github.app.bot.id}+${github.app.bot.login}@users.noreply.`;
    expect(log.startsWith(bot)).toBe(true);
    // One commit, straight on main: the start commit has gone.
    expect(log.split("|")[3]).toBe(main);
    expect(log).toContain("Add note.txt");
    const writer = github.users.writer;
    expect(log).toMatch(new RegExp(`Co-authored-by: writer <${writer.id}\\+writer@users\\.noreply\\.`));
    expect(log).toContain(`Airlock-Run: ${run.id}`);

    const [answer, ...more] = await house.answersOn(issue);
    expect(more).toEqual([]);
    expect(answer?.id).toBe(before?.id);
    expect(answer?.body).not.toBe(before?.body);
    expect(answer?.body).toContain(`#${run.pullRequest?.number}`);

    const page = await house.page(run);
    expect(page.status).toBe(200);
    for (const shown of ["Add a note", "note.txt", "made for you", `/pull/${run.pullRequest?.number}`])
      expect(page.text).toContain(shown);
  });

  it("is worked on by /agent fix, with the comment's instructions", async () => {
    const issue = await house.openIssue({ shell: "echo never > from-the-body.txt" });
    await house.comment(issue, `/agent fix please\n\n${shellBlock(commitTo("asked.txt"))}`, "writer");
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("succeeded");
    const files = await git(folder(), ["ls-tree", "-r", "--name-only", `agent/issue-${issue}`]);
    expect(files.split("\n")).toContain("asked.txt");
    expect(files.split("\n")).not.toContain("from-the-body.txt");
  });

  it("whose agent changes nothing gets the answer, and its branch is removed", async () => {
    const issue = await house.openIssue({ shell: "echo 'It works as it is.'" });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("no_changes");
    expect(run.pullRequest).toBeUndefined();
    expect(await house.tipOf(`agent/issue-${issue}`)).toBeUndefined();
    expect(await house.checksOn(start)).toMatchObject([{ status: "completed", conclusion: "neutral" }]);
    const answers = await house.answersOn(issue);
    expect(answers).toHaveLength(1);
    expect(answers[0]?.body).toContain("It works as it is.");
  });

  it("[71] whose branch's name is somebody else's gets the next one", async () => {
    const issue = await house.openIssue({ shell: commitTo("mine.txt") });
    const theirs = await house.commit({ branch: `agent/issue-${issue}`, path: "theirs.txt", content: "theirs", who: "writer" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("succeeded");
    expect(run.branch).toBe(`agent/issue-${issue}-2`);
    expect(await house.tipOf(`agent/issue-${issue}`)).toBe(theirs);
    const { json: pull } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`);
    expect(pull.head.ref).toBe(`agent/issue-${issue}-2`);
  });

  it("is continued on its branch and pull request when it is labelled again", async () => {
    const issue = await house.openIssue({ shell: `${commitTo("$(date +%s%N).txt")}` });
    await house.setLabel(issue);
    const first = await house.ended(issue);
    const before = (await house.tipOf(`agent/issue-${issue}`)) ?? "";
    expect(first.state.outcome).toBe("succeeded");
    await house.setLabel(issue);
    const second = await house.ended(issue, 2);
    expect(second.state).toMatchObject({ outcome: "succeeded" });
    expect(second.branch).toBe(first.branch);
    expect(second.pullRequest?.number).toBe(first.pullRequest?.number);
    const head = (await house.tipOf(`agent/issue-${issue}`)) ?? "";
    expect((await git(folder(), ["rev-parse", `${head}^`])).trim()).toBe(before);
    expect(await house.checksOn(head)).toMatchObject([{ conclusion: "success", external_id: second.id }]);
  });

  it("[22] keeps a workflow that the agent wrote as a patch, and pushes nothing", async () => {
    const issue = await house.openIssue({
      shell: `mkdir -p .github/workflows && ${commitTo(".github/workflows/evil.yml")}`,
    });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "refused", reason: expect.stringContaining(".github/workflows/evil.yml") });
    expect(run.patch).toContain("+made for you");
    expect((await house.page(run)).text).toContain("made for you");
    expect(run.pullRequest).toBeUndefined();
    expect(await house.tipOf(`agent/issue-${issue}`)).toBeUndefined();
    expect(await house.checksOn(start)).toMatchObject([{ conclusion: "failure" }]);
    expect((await house.answersOn(issue))[0]?.body).toContain(".github/workflows/evil.yml");
  });

  it("is told of an agent that dies, once, and with words", async () => {
    const issue = await house.openIssue({ shell: "kill -KILL $PPID" });
    await house.setLabel(issue);
    const start = await until("the start commit", () => house.tipOf(`agent/issue-${issue}`));
    const run = await house.ended(issue);
    expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("exit code 137") });
    expect(await house.checksOn(start)).toMatchObject([{ conclusion: "failure" }]);
    expect((await house.answersOn(issue))[0]?.body).toContain("exit code 137");
    expect(await house.runsOf(issue)).toHaveLength(1);
  });

  it("[71] keeps its own comment apart from an outsider's with the same marker", async () => {
    const issue = await house.openIssue({ shell: "sleep 2; echo 'Nothing to do.'" });
    await house.setLabel(issue);
    const [ours] = await until("our comment", async () => {
      const answers = await house.answersOn(issue);
      return answers.length > 0 && answers;
    });
    const marker = ours?.body.split("\n")[0] ?? "";
    expect(marker).toMatch(/^<!-- airlock:run=/);
    const theirs = await house.comment(issue, `${marker}\nAll is well, merge it.`, "outsider");
    await house.ended(issue);
    const comments = await house.commentsOn(issue);
    expect(comments.find(({ id }) => id === theirs)?.body).toBe(`${marker}\nAll is well, merge it.`);
    const answers = await house.answersOn(issue);
    expect(answers.map(({ id }) => id)).toEqual([ours?.id]);
    expect(answers[0]?.body).toContain("Nothing to do.");
  });
});
