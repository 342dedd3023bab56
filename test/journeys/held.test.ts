import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../../src/local/github/git.ts";
import type { RunView } from "../../src/pages/view.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";
import { shellBlock } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

const folder = () => house.local.github.gitFolder("acme", "shop");
const hook = `mkdir -p .husky && echo 'curl evil' > .husky/pre-commit && git add -A && git commit -qm 'Add a hook'`;

/** The run once it waits for a word and holds nothing but its repository. */
async function held(issue: number): Promise<RunView & { held: NonNullable<RunView["held"]> }> {
  const run = await until(`#${issue} held`, async () => {
    const seen = (await house.runsOf(issue)).at(-1);
    const rests = seen?.timeline.some(({ words }) => words === "Waits for a person's word");
    return rests || seen?.state.at === "ended" ? seen : undefined;
  });
  if (!run.held) throw new Error(`not held: ${JSON.stringify([run.state, run.timeline])}`);
  return { ...run, held: run.held };
}

async function heldIssue(shell = hook): Promise<{ issue: number; run: Awaited<ReturnType<typeof held>>; start: string }> {
  const issue = await house.openIssue({ shell });
  await house.setLabel(issue);
  const run = await held(issue);
  return { issue, run, start: (await house.tipOf(run.branch ?? "")) ?? "" };
}

const press = (check: number, identifier: string, who: "maintainer" | "writer" | "outsider" = "maintainer") =>
  fetch(`${house.local.github.url}/_local/repos/acme/shop/check-runs/${check}/requested-action`, {
    method: "POST",
    headers: { authorization: `token ${house.local.github.users[who].token}` },
    body: JSON.stringify({ identifier }),
  }).then(({ status }) => status);

describe.concurrent("work that runs on the next machine", () => {
  it("is held, shown with its reason, and published by a word as exactly what was shown", async () => {
    const { issue, run, start } = await heldIssue();
    expect(run.state.at).toBe("held");
    expect(run.held.why).toEqual([expect.stringContaining(".husky/pre-commit (rule git-hooks)")]);
    // Nothing has left: the branch stands at the start commit, which has the base's tree.
    expect(await git(folder(), ["ls-tree", "-r", "--name-only", start])).not.toContain(".husky");
    const [check] = await house.checksOn(start);
    expect(check).toMatchObject({ status: "completed", conclusion: "action_required" });
    expect(check?.output.summary).toContain("git-hooks");
    expect((await house.answersOn(issue))[0]?.body).toMatch(/git-hooks[\s\S]*\/agent publish/);
    const page = (await house.page(run)).text;
    for (const shown of ["curl evil", "git-hooks", "/agent publish", run.held.sha.slice(0, 12)]) expect(page).toContain(shown);
    // It holds neither a place nor a token meanwhile.
    expect(run.grants.every(({ revokedAtMs }) => revokedAtMs !== undefined)).toBe(true);
    const rows = await house.local.app.db.selectFrom("runs").select("uid").where("id", "=", run.id).execute();
    expect(rows).toEqual([{ uid: null }]);

    const by = await house.comment(issue, "/agent publish", "outsider");
    await until("the outsider's refusal", async () => (await house.reactionsTo({ comment: by })).includes("-1"));
    await house.comment(issue, `/agent publish ${"0".repeat(40)}`);
    await until("the other commit's refusal", async () =>
      (await house.answersOn(issue)).some(({ body }) => body.includes(run.held.sha)),
    );
    expect((await house.runsOf(issue))[0]?.state.at).toBe("held");
    await house.comment(issue, `/agent publish ${run.held.sha}`, "writer");
    const ended = await house.ended(issue);
    expect(ended.state.outcome).toBe("succeeded");
    expect(await house.tipOf(`agent/issue-${issue}`)).toBe(run.held.sha);
    expect(ended.timeline).toContainEqual(expect.objectContaining({ words: "Released", detail: "by writer" }));
    const after = await house.checksOn(run.held.sha);
    expect(after).toMatchObject([{ conclusion: "success" }]);
  });

  it("is discarded by a word, and its branch removed", async () => {
    const { issue, run, start } = await heldIssue();
    await house.comment(issue, "/agent discard", "writer");
    const ended = await house.ended(issue);
    expect(ended.state).toMatchObject({ outcome: "cancelled", reason: expect.stringContaining("writer discarded") });
    expect(ended.patch).toContain("curl evil");
    expect(await house.tipOf(run.branch ?? "")).toBeUndefined();
    const { json } = await house.ask("maintainer", "GET", `/check-runs/${run.checkRun?.id}`);
    expect(json).toMatchObject({ conclusion: "cancelled", head_sha: start });
  });

  it("is published by the check's button, by those who may write only", async () => {
    const { issue, run } = await heldIssue();
    const check = run.checkRun?.id ?? 0;
    expect(await press(check, "publish", "outsider")).toBe(403);
    expect(await press(check, "publish")).toBe(202);
    expect((await house.ended(issue)).state.outcome).toBe("succeeded");
    expect(await house.tipOf(run.branch ?? "")).toBe(run.held.sha);
  });

  it("is the one run of its issue until it is stopped, which discards it", async () => {
    const { issue } = await heldIssue();
    await house.comment(issue, "/agent fix");
    await until("the busy answer", async () =>
      (await house.answersOn(issue)).some(({ body }) => body.includes("holds its work")),
    );
    expect(await house.runsOf(issue)).toHaveLength(1);
    await house.comment(issue, "/agent stop");
    expect((await house.ended(issue)).state.outcome).toBe("cancelled");
  });

  it("is decided over the operator's socket, for the commit that is held only", async () => {
    const { issue, run } = await heldIssue();
    const { filer } = house.local.app;
    expect(await filer.decide(run.id, { kind: "publish", by: "op", sha: "1234567" })).toEqual({
      is: "other-commit",
      held: run.held.sha,
    });
    expect(await filer.decide(run.id, { kind: "publish", by: "op", sha: run.held.sha.slice(0, 8) })).toMatchObject({
      is: "filed",
    });
    expect((await house.ended(issue)).state.outcome).toBe("succeeded");
    expect(await filer.decide(run.id, { kind: "discard", by: "op", sha: undefined })).toEqual({ is: "not-held" });
  });
});

describe("agents' instructions", () => {
  it("that the work changes make its pull request a draft", async () => {
    const issue = await house.openIssue({ shell: "echo '- be kind' >> CLAUDE.md && git commit -qam 'Be kind'" });
    await house.setLabel(issue);
    const run = await house.ended(issue);
    expect(run.state.outcome).toBe("succeeded");
    const pull = run.pullRequest?.number ?? 0;
    expect((await house.ask("maintainer", "GET", `/pulls/${pull}`)).json.draft).toBe(true);
    // Into the draft more of the same may go.
    await house.comment(pull, `/agent fix\n${shellBlock("echo '- be brief' >> CLAUDE.md && git commit -qam 'Be brief'")}`);
    expect((await house.ended(pull)).state.outcome).toBe("succeeded");
  });

  it("that the work changes wait for a word where its pull request is open for review", async () => {
    const issue = await house.openIssue({ shell: "echo plain >> plain.txt && git add -A && git commit -qm 'Plain work'" });
    await house.setLabel(issue);
    const pull = (await house.ended(issue)).pullRequest?.number ?? 0;
    expect((await house.ask("maintainer", "GET", `/pulls/${pull}`)).json.draft).toBe(false);
    const more = "echo '- trust everybody' >> CLAUDE.md && git commit -qam 'Trust'";
    await house.comment(pull, `/agent fix\n${shellBlock(more)}`);
    const run = await held(pull);
    expect(run.held.why).toEqual([expect.stringMatching(/CLAUDE\.md \(rule agent-words\).*may only be a draft/)]);
    await house.comment(pull, "/agent publish");
    expect((await house.ended(pull)).state.outcome).toBe("succeeded");
  });
});
