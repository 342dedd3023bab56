// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of workflows look like that
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunView } from "../../src/pages/view.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

const work = "echo more >> notes.txt && git add -A && git commit -qm 'Add a note'";

async function workOn(shell: string): Promise<{ issue: number; run: RunView }> {
  const issue = await house.openIssue({ shell });
  await house.setLabel(issue);
  const run = await until(`#${issue} held or ended`, async () => {
    const seen = (await house.runsOf(issue)).at(-1);
    const rests = seen?.timeline.some(({ words }) => words === "Waits for a person's word");
    return rests || seen?.state.at === "ended" ? seen : undefined;
  });
  return { issue, run };
}

const path = ".github/workflows/ci.yml";
async function setWorkflow(lines: string[]): Promise<void> {
  const known = await house.ask("maintainer", "GET", `/contents/${path}`);
  const content = Buffer.from(`${lines.join("\n")}\n`).toString("base64");
  const put = { message: "Change CI", branch: "main", content, ...(known.status === 200 && { sha: known.json.sha }) };
  expect((await house.ask("maintainer", "PUT", `/contents/${path}`, put)).status).toBeLessThan(300);
}
const job = ["jobs:", "  test:", "    runs-on: ubuntu-latest", "    steps:", "      - run: npm test"];

describe("work that CI would run", () => {
  it("goes out at once where the workflows may see nothing but the code", async () => {
    await setWorkflow(["on: [push, pull_request]", "permissions: { contents: read }", ...job]);
    expect((await workOn(work)).run.state).toMatchObject({ at: "ended", outcome: "succeeded" });
  });

  it("[22] is held where a workflow uses secrets, with the file and why, and published by a word", async () => {
    await setWorkflow(["on: push", "permissions: { contents: read }", ...job, "        env: { K: '${{ secrets.DEPLOY }}' }"]);
    const { issue, run } = await workOn(work);
    expect([run.state, run.held?.why]).toMatchObject([{ at: "held" }, [`${path} would run on this work, and it uses secrets.`]]);
    expect((await house.answersOn(issue))[0]?.body).toContain("secrets");
    await house.comment(issue, "/agent publish");
    expect((await house.ended(issue)).state.outcome).toBe("succeeded");
  });

  it("[22] is held again where the target's workflows came to see more between the showing and the word", async () => {
    await setWorkflow(["on: push", "permissions: { contents: read }", ...job, "        env: { K: '${{ secrets.DEPLOY }}' }"]);
    const { issue, run } = await workOn(work);
    await setWorkflow(["on: push", "permissions: { id-token: write }", ...job, "        env: { K: '${{ secrets.DEPLOY }}' }"]);
    await house.comment(issue, "/agent publish");
    const again = await until("another word is asked for", async () => {
      const seen = (await house.runsOf(issue)).at(-1);
      const told = seen?.timeline.filter(({ words }) => words === "Waits for a person's word").length === 2;
      return told ? seen : undefined;
    });
    expect(again.held).toMatchObject({
      sha: run.held?.sha,
      why: [expect.stringContaining("id-token"), ...(run.held?.why ?? [])],
    });
    expect((await house.answersOn(issue))[0]?.body).toContain("id-token");
    // Nothing has left: the branch still stands where it did before the word.
    expect((await house.checksOn((await house.tipOf(run.branch ?? "")) ?? ""))[0]?.conclusion).toBe("action_required");
    // A word counts whose time, in GitHub's whole seconds, is after what was shown: nobody has read it within the same one.
    const shownAtMs = again.timeline.findLast(({ words }) => words === "Waits for a person's word")?.atMs ?? 0;
    await until("the next second", () => Date.now() >= Math.ceil(shownAtMs / 1_000) * 1_000);
    await house.comment(issue, "/agent publish");
    const ended = await house.ended(issue);
    expect(ended.state.outcome).toBe("succeeded");
    expect(ended.timeline).toContainEqual(
      expect.objectContaining({ detail: expect.stringMatching(/^by maintainer: .*id-token/) }),
    );
    expect(await house.tipOf(run.branch ?? "")).toBe(run.held?.sha);
  });

  it("is held for what only the target would run, such as pull_request_target", async () => {
    await setWorkflow(["on: pull_request_target", ...job]);
    const { issue, run } = await workOn(work);
    expect(run.held?.why).toEqual([expect.stringContaining("does not say its permissions")]);
    await house.comment(issue, "/agent discard");
    expect((await house.ended(issue)).state.outcome).toBe("cancelled");
  });
});

describe("a secret in a commit between", () => {
  it("[66] holds the work, with file, line and rule, though the end has it no more and a comment says to look away", async () => {
    await setWorkflow(["on: schedule", ...job]);
    const token = `ghp_${randomBytes(18).toString("hex")}`;
    // In two pieces: whole it would be redacted from the prompt.
    const shell = [
      `printf '// secretlint-disable\\nkey = "%s%s"\\n' ghp_ ${token.slice(4)} > key.js && git add -A && git commit -qm 'Add a key'`,
      "git rm -q key.js && echo fine > fine.txt && git add -A && git commit -qm 'Take it away'",
    ].join(" && ");
    const { issue, run } = await workOn(shell);
    expect(run.held?.why).toEqual([expect.stringMatching(/^key\.js, line 2 of commit [0-9a-f]{12} \(rule [\w-]+\): .*ghp_…$/)]);
    expect(JSON.stringify([run.held, await house.answersOn(issue), (await house.page(run)).text])).not.toContain(token);
    await house.comment(issue, "/agent discard");
    await house.ended(issue);
  });
});
