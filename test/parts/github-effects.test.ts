import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { scopeOf } from "../../src/github/grant.ts";
import { ensureStartBranch, removeStartBranch } from "../../src/prepare/start-branch.ts";
import { ensurePullRequest } from "../../src/publish/pull-request.ts";
import { checkName, ensureCheckRun, findCheckedTip } from "../../src/report/check-run.ts";
import { commentMarker, ensureComment } from "../../src/report/comment.ts";
import type { Sha } from "../../src/run/identity.ts";
import type { RunRow } from "../../src/store/queries/runs.ts";
import { type Effects, openEffects, repo } from "../helpers/github-effects.ts";
import { type Octokit, refusal } from "../helpers/local-github.ts";

let effects: Effects;
let house: Effects["house"];
let store: Effects["store"];
let app: Effects["app"];
let grants: Effects["grants"];
let maintainer: Octokit;
let strangerCommit: Effects["strangerCommit"];
let run: RunRow;
let number = 0;

beforeAll(async () => {
  effects = await openEffects();
  ({ house, store, app, grants } = effects);
  strangerCommit = effects.strangerCommit;
  maintainer = effects.maintainer;
});
afterAll(async () => {
  expect(house.github.state().invalidResponses).toEqual([]);
  await effects[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const issue = (await maintainer.rest.issues.create({ ...repo, title: "Work" })).data;
  number = issue.number;
  run = await newRun("first");
});
afterEach(async () => {
  house.github.faults.clear();
  await grants.sweep(new Set(), 0);
  expect(house.github.state().tokens.live).toBe(0);
});

async function newRun(name: string): Promise<RunRow> {
  return effects.newRun(name, number);
}

async function tipOf(branch: string): Promise<string | undefined> {
  const refs = await maintainer.rest.git.listMatchingRefs({ ...repo, ref: `heads/${branch}` });
  return refs.data.find(({ ref }) => ref === `refs/heads/${branch}`)?.object.sha;
}

/** The write succeeds, and the answer says that it did not: what a proxy in trouble does. */
function loseAnswer(method: string, path: string): void {
  house.github.faults.add({ match: { method, path: `/api/v3/repos/acme/shop/${path}` }, thenStatus: 502 });
}

const reporter = () => grants.keep("reporter", scopeOf(run.id, run.request));

describe("the run's comment", () => {
  const write = async (body: string) => {
    const { botId } = await app.identity();
    return ensureComment(await reporter(), { botId, ...repo, number, run: run.id, body, sinceMs: run.createdAtMs });
  };
  const all = async () => (await maintainer.rest.issues.listComments({ ...repo, issue_number: number })).data;

  it("is made once and edited in place", async () => {
    const id = await write("one");
    expect([await write("one"), await write("two")]).toEqual([id, id]);
    expect((await all()).map(({ body }) => body)).toEqual([`${commentMarker(run.id)}\ntwo`]);
  });

  it("[71] is not what somebody else wrote under its marker", async () => {
    const forged = `${commentMarker(run.id)}\nAll is well, merge it.`;
    const theirs = (await maintainer.rest.issues.createComment({ ...repo, issue_number: number, body: forged })).data.id;
    const outsider = house.as(house.github.users.outsider.token);
    await outsider.rest.issues.createComment({ ...repo, issue_number: number, body: forged });
    const id = await write("ours");
    expect(await write("ours again")).toBe(id);
    expect(id).not.toBe(theirs);
    expect((await all()).map(({ body }) => body)).toEqual([forged, forged, `${commentMarker(run.id)}\nours again`]);
  });

  it("is not another run's", async () => {
    const first = await write("first");
    run = await newRun("second");
    expect(await write("second")).not.toBe(first);
  });

  it("[44] is one still when GitHub's answer was lost", async () => {
    loseAnswer("POST", `issues/${number}/comments`);
    expect((await refusal(write("one"))).status).toBe(502);
    await write("two");
    expect((await all()).map(({ body }) => body)).toEqual([`${commentMarker(run.id)}\ntwo`]);
  });
});

describe("the run's check", () => {
  const write = async (sha: Sha, title: string, conclusion?: "success") => {
    const { id } = await app.identity();
    return ensureCheckRun(await reporter(), {
      ...{ appId: id, ...repo, run: run.id, sha, detailsUrl: "https://airlock.example/runs/x", startedAtMs: run.createdAtMs },
      output: { title, summary: "s" },
      ...(conclusion && { conclusion }),
    });
  };
  const all = async (sha: string) =>
    (await maintainer.rest.checks.listForRef({ ...repo, ref: sha, filter: "all" })).data.check_runs;

  it("is one for each commit, brought up to date until it is completed", async () => {
    const [one, other] = [await strangerCommit("one"), await strangerCommit("other")];
    const id = await write(one, "a");
    expect([await write(one, "b"), await write(one, "c", "success")]).toEqual([id, id]);
    expect(await write(other, "d")).not.toBe(id);
    expect(await all(one)).toMatchObject([
      { id, external_id: run.id, status: "completed", conclusion: "success", output: { title: "c" } },
    ]);
  });

  it("[71] is neither another run's nor one of ours without this run's id", async () => {
    const sha = await strangerCommit("checks");
    const api = await reporter();
    const bare = (await api.rest.checks.create({ ...repo, name: checkName, head_sha: sha })).data.id;
    const id = await write(sha, "a");
    run = await newRun("third");
    const next = await write(sha, "b");
    expect(new Set([bare, id, next]).size).toBe(3);
  });

  it("[44] is one still when GitHub's answer was lost", async () => {
    const sha = await strangerCommit("lost");
    loseAnswer("POST", "check-runs");
    expect((await refusal(write(sha, "a"))).status).toBe(502);
    await write(sha, "b");
    expect((await all(sha)).map(({ output }) => output.title)).toEqual(["b"]);
  });

  it("[80] is found at a branch's tip where it stands there, and not another run's, nor where the branch is gone", async () => {
    const { id: appId } = await app.identity();
    const sha = await strangerCommit("tip");
    await maintainer.rest.git.createRef({ ...repo, ref: "refs/heads/agent/tip", sha });
    const find = async (branch: string) => findCheckedTip(await reporter(), { appId, ...repo, run: run.id, branch });
    expect(await find("agent/tip")).toBeUndefined();
    await write(sha, "a");
    expect(await find("agent/tip")).toBe(sha);
    run = await newRun("tipless");
    expect([await find("agent/tip"), await find("agent/gone")]).toEqual([undefined, undefined]);
  });
});

describe("the start branch", () => {
  const make = async () => ensureStartBranch({ db: store.db, grants, app }, run, await effects.mainPins());

  it("is an empty commit of ours on the pinned one, the same however often it is asked for", async () => {
    const { baseSha } = await effects.mainPins();
    const made = await make();
    expect(made.branch).toBe(`agent/issue-${number}`);
    expect(await make()).toEqual(made);
    expect(await tipOf(made.branch)).toBe(made.sha);
    const commit = (await maintainer.rest.git.getCommit({ ...repo, commit_sha: made.sha })).data;
    const base = (await maintainer.rest.git.getCommit({ ...repo, commit_sha: baseSha })).data;
    expect([commit.tree.sha, commit.parents.map(({ sha }) => sha)]).toEqual([base.tree.sha, [baseSha]]);
    expect(commit.message).toContain("[skip ci]");
    expect(commit.author.name).toBe("airlock[bot]");
  });

  it("[71] is another where somebody else's has the name, which stays as it is", async () => {
    const theirs = await strangerCommit("mine");
    await maintainer.rest.git.createRef({ ...repo, ref: `refs/heads/agent/issue-${number}`, sha: theirs });
    expect((await make()).branch).toBe(`agent/issue-${number}-2`);
    expect((await make()).branch).toBe(`agent/issue-${number}-2`);
    expect(await tipOf(`agent/issue-${number}`)).toBe(theirs);
  });

  it("is another where a person pushed on top of ours", async () => {
    const { branch } = await make();
    const theirs = await strangerCommit("on top");
    await maintainer.rest.git.updateRef({ ...repo, ref: `heads/${branch}`, sha: theirs, force: true });
    expect((await make()).branch).toBe(`${branch}-2`);
    expect(await tipOf(branch)).toBe(theirs);
  });

  it("[71] of an earlier run is never overwritten: a person may have opened a pull request from it", async () => {
    const former = await make();
    run = await newRun("later");
    expect((await make()).branch).toBe(`${former.branch}-2`);
    expect(await tipOf(former.branch)).toBe(former.sha);
  });

  it("is found again when GitHub's answer was lost, whether of the commit or of the branch", async () => {
    loseAnswer("POST", "git/commits");
    expect((await refusal(make())).status).toBe(502);
    loseAnswer("POST", "git/refs");
    expect((await refusal(make())).status).toBe(502);
    const made = await make();
    expect(made.branch).toBe(`agent/issue-${number}`);
    expect(await tipOf(made.branch)).toBe(made.sha);
    expect(await tipOf(`${made.branch}-2`)).toBeUndefined();
  });

  it("of a life that the store has forgotten is found by what is on GitHub, also when the work stands there by now", async () => {
    const forget = () => store.db.deleteFrom("branches").execute();
    const start = await make();
    await forget();
    expect(await make()).toEqual(start);
    const { baseSha } = await effects.mainPins();
    const identity = await app.identity();
    const workBy = async (committer: { name: string; email: string }) => {
      const tree = await maintainer.rest.git.createTree({
        ...repo,
        tree: [{ path: `${number}.txt`, mode: "100644", type: "blob", content: committer.email }],
      });
      const message = `Work\n\nAirlock-Run: ${run.id}\n`;
      const author = { name: identity.botLogin, email: identity.email };
      const of = { ...repo, message, tree: tree.data.sha, parents: [baseSha], author, committer };
      const { sha } = (await maintainer.rest.git.createCommit(of)).data;
      await maintainer.rest.git.updateRef({ ...repo, ref: `heads/${start.branch}`, sha, force: true });
      await forget();
      return sha;
    };
    const sha = await workBy({ name: identity.botLogin, email: identity.email });
    // No start commit: it is not taken away with the run.
    expect(await make()).toEqual({ branch: start.branch, sha, startCommit: false });
    // Somebody has amended it: what is in it is theirs as well.
    await workBy({ name: "Ada", email: "ada@example.com" });
    expect((await make()).branch).toBe(`${start.branch}-2`);
  });

  it("that GitHub will not have is refused in its words, after one try", async () => {
    const before = house.github.state().requests.length;
    house.github.faults.add({
      match: { method: "POST", path: "/api/v3/repos/acme/shop/git/refs" },
      status: 422,
      message: "Repository rule violations found",
      times: 0,
    });
    await expect(make()).rejects.toMatchObject({
      code: "branch.refused",
      message: expect.stringContaining("Repository rule violations"),
    });
    const posts = house.github
      .state()
      .requests.slice(before)
      .filter(({ method, path }) => method === "POST" && path.includes("/git/"));
    expect(posts).toHaveLength(2);
  });

  it("is taken away while nothing else stands there, and not when something does", async () => {
    const parts = { grants };
    const made = await make();
    await removeStartBranch(parts, run, made);
    await removeStartBranch(parts, run, made);
    expect(await tipOf(made.branch)).toBeUndefined();
    run = await newRun("again");
    const next = await make();
    const theirs = await strangerCommit("kept");
    await maintainer.rest.git.updateRef({ ...repo, ref: `heads/${next.branch}`, sha: theirs, force: true });
    await removeStartBranch(parts, run, next);
    expect(await tipOf(next.branch)).toBe(theirs);
  });
});

describe("the pull request", () => {
  let branch: string;
  let head: Sha;
  beforeEach(async () => {
    branch = `agent/issue-${number}`;
    head = await strangerCommit(`work on ${number}`);
    await maintainer.rest.git.createRef({ ...repo, ref: `refs/heads/${branch}`, sha: head });
  });
  const open = async (body: string) => {
    const { botId } = await app.identity();
    return ensurePullRequest(await reporter(), { ...repo, branch, target: "main", head, title: "T", body, botId });
  };
  const pulls = async () => (await maintainer.rest.pulls.list({ ...repo, head: `acme:${branch}`, state: "all" })).data;

  it("is opened once and then brought up to date", async () => {
    const made = await open("one");
    expect(made).toMatchObject({ head, url: expect.stringContaining(`/acme/shop/pull/${made.number}`) });
    expect(await open("two")).toEqual(made);
    expect((await pulls()).map(({ body, user }) => [body, user?.login])).toEqual([["two", "airlock[bot]"]]);
  });

  it("[71] that another person opened from our branch is theirs: told, and its text left alone", async () => {
    const theirs = (await maintainer.rest.pulls.create({ ...repo, head: branch, base: "main", title: "Mine", body: "My words" }))
      .data;
    expect(await open("ours")).toMatchObject({ number: theirs.number, head });
    expect((await pulls()).map(({ title, body }) => [title, body])).toEqual([["Mine", "My words"]]);
  });

  it("of before, which was closed, is left closed", async () => {
    const first = await open("one");
    await maintainer.rest.pulls.update({ ...repo, pull_number: first.number, state: "closed" });
    expect((await open("two")).number).not.toBe(first.number);
  });

  it("[44] is one still when GitHub's answer was lost", async () => {
    loseAnswer("POST", "pulls");
    expect((await refusal(open("one"))).status).toBe(502);
    await open("two");
    expect((await pulls()).map(({ body }) => body)).toEqual(["two"]);
  });

  it("that GitHub refuses for another reason is refused", async () => {
    house.github.faults.add({
      match: { method: "POST", path: "/api/v3/repos/acme/shop/pulls" },
      status: 422,
      message: "No commits between main and x",
    });
    expect(await refusal(open("one"))).toMatchObject({ status: 422, message: "No commits between main and x" });
  });
});
