import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { scopeOf } from "../../src/github/grant.ts";
import { ensurePullRequest } from "../../src/publish/pull-request.ts";
import { addBranchTip, addHead } from "../../src/store/queries/places.ts";
import type { RunRow } from "../../src/store/queries/runs.ts";
import { pin } from "../../src/trigger/pin.ts";
import { type Effects, openEffects, repo } from "../helpers/github-effects.ts";
import type { Octokit } from "../helpers/local-github.ts";

let effects: Effects;
let house: Effects["house"];
let store: Effects["store"];
let app: Effects["app"];
let grants: Effects["grants"];
let maintainer: Octokit;
let repositoryId: number;
let run: RunRow;
let number = 0;

beforeAll(async () => {
  effects = await openEffects();
  ({ house, store, app, grants, maintainer, repositoryId } = effects);
});
afterAll(async () => {
  expect(house.github.state().invalidResponses).toEqual([]);
  await effects[Symbol.asyncDispose]();
});
beforeEach(async () => {
  number = (await maintainer.rest.issues.create({ ...repo, title: "Work" })).data.number;
  run = await effects.newRun("pin", number);
});
afterEach(() => grants.sweep(new Set(), 0));

describe("the pin", () => {
  const parts = () => ({ db: store.db, grants, app });
  const pulled = async (from: string, base = "main") =>
    (await maintainer.rest.pulls.create({ ...repo, head: from, base, title: "P" })).data.number;
  const asPull = async (pull: number, askedAtMs = Date.now()) => {
    const { id, request, ...rest } = run;
    return pin(parts(), { id, ...rest, request: { ...request, askedAtMs, subject: { kind: "pull", number: pull, id: 1 } } });
  };

  it("of an issue is the target's tip", async () => {
    expect(await pin(parts(), run)).toEqual({ is: "pinned", pins: await effects.mainPins() });
  });

  it("of an issue whose pull request of ours is open is where that stands, and not where a person pushed on", async () => {
    const branch = `agent/issue-${number}`;
    const tip = await effects.strangerCommit("ours");
    await maintainer.rest.git.createRef({ ...repo, ref: `refs/heads/${branch}`, sha: tip });
    const { botId } = await app.identity();
    await ensurePullRequest(await grants.keep("reporter", scopeOf(run.id, run.request)), {
      ...repo,
      branch,
      target: "main",
      head: tip,
      title: "T",
      body: "B",
      botId,
    });
    expect(await pin(parts(), run)).toMatchObject({ pins: { baseSha: (await effects.mainPins()).baseSha } });
    await addBranchTip(store.db, { repositoryId, branch, sha: tip, run: run.id });
    expect(await pin(parts(), run)).toEqual({
      is: "pinned",
      pins: { targetBranch: "main", baseSha: tip, headBranch: branch, isForReview: true },
    });
    const theirs = await effects.strangerCommit("theirs");
    await maintainer.rest.git.updateRef({ ...repo, ref: `heads/${branch}`, sha: theirs, force: true });
    expect(await pin(parts(), run)).toMatchObject({ pins: { baseSha: (await effects.mainPins()).baseSha } });
  });

  it("of a pull request is its head", async () => {
    const head = await effects.strangerCommit(`feature ${number}`);
    await maintainer.rest.git.createRef({ ...repo, ref: `refs/heads/feature-${number}`, sha: head });
    const pull = await pulled(`feature-${number}`);
    expect(await asPull(pull)).toEqual({
      is: "pinned",
      pins: { targetBranch: "main", baseSha: head, headBranch: `feature-${number}`, isForReview: true },
    });
  });

  it("of a pull request from the default branch is refused: the work would go there without anybody's look", async () => {
    await maintainer.rest.git.createRef({
      ...repo,
      ref: `refs/heads/release-${number}`,
      sha: (await effects.mainPins()).baseSha,
    });
    const ahead = await effects.strangerCommit("ahead");
    await maintainer.rest.git.updateRef({ ...repo, ref: "heads/main", sha: ahead });
    const pull = await pulled("main", `release-${number}`);
    expect(await asPull(pull)).toMatchObject({ is: "refused", reason: { code: "pin.default-branch" } });
  });

  it("[30] of a pull request from a fork is refused", async () => {
    const fork = await house.github.addRepository({
      owner: "outsider",
      name: "shop",
      files: {},
      forkOf: "acme/shop",
      installed: false,
    });
    const outsider = house.as(house.github.users.outsider.token);
    const at = { owner: fork.owner, repo: fork.name };
    const { object } = (await outsider.rest.git.getRef({ ...at, ref: "heads/main" })).data;
    const { tree } = (await outsider.rest.git.getCommit({ ...at, commit_sha: object.sha })).data;
    const commit = await outsider.rest.git.createCommit({ ...at, message: "Theirs", tree: tree.sha, parents: [object.sha] });
    await outsider.rest.git.createRef({ ...at, ref: "refs/heads/theirs", sha: commit.data.sha });
    const pull = (await outsider.rest.pulls.create({ ...repo, head: "outsider:theirs", base: "main", title: "F" })).data.number;
    expect(await asPull(pull)).toMatchObject({ is: "refused", reason: { code: "pin.fork" } });
  });

  it("[28] of a pull request that was pushed to after the command is refused", async () => {
    await maintainer.rest.git.createRef({
      ...repo,
      ref: `refs/heads/late-${number}`,
      sha: await effects.strangerCommit(`late ${number}`),
    });
    const pull = await pulled(`late-${number}`);
    const moved = { repositoryId, number: pull, sha: "f".repeat(40), atMs: Date.now() + 2_000 };
    await addHead(store.db, moved);
    expect(await asPull(pull)).toMatchObject({ is: "refused", reason: { code: "pin.moved" } });
    expect(await asPull(pull, moved.atMs)).toMatchObject({ is: "pinned" });
  });
});
