import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { announce } from "../../src/prepare/announce.ts";
import { pushWork } from "../../src/publish/push.ts";
import { findOtherTarget } from "../../src/publish/target.ts";
import { readStory } from "../../src/report/story.ts";
import { createTeller } from "../../src/report/teller.ts";
import { checkOf } from "../../src/report/texts.ts";
import { evolve } from "../../src/run/evolve.ts";
import type { Sha } from "../../src/run/identity.ts";
import { appendFact } from "../../src/store/queries/facts.ts";
import { findRun, type RunRow } from "../../src/store/queries/runs.ts";
import { type Effects, openEffects, repo } from "../helpers/github-effects.ts";

let effects: Effects;
let run: RunRow;
let number = 0;
beforeAll(async () => {
  effects = await openEffects();
});
afterAll(async () => {
  expect(effects.house.github.state().invalidResponses).toEqual([]);
  await effects[Symbol.asyncDispose]();
});
beforeEach(async () => {
  number = (await effects.maintainer.rest.issues.create({ ...repo, title: "Work" })).data.number;
  run = await effects.newRun("crossed", number);
});
afterEach(async () => {
  await effects.grants.sweep(new Set(), 0);
});

describe("work for a branch that people have touched meanwhile", () => {
  let branch: string;
  let old: Sha;
  beforeEach(async () => {
    branch = `topic-${number}`;
    old = await effects.strangerCommit("what was pinned");
    await effects.maintainer.rest.git.createRef({ ...repo, ref: `refs/heads/${branch}`, sha: old });
  });
  const move = async (sha: Sha, force: boolean) =>
    effects.maintainer.rest.git.updateRef({ ...repo, ref: `heads/${branch}`, sha, force });
  const tip = async () =>
    (await effects.maintainer.rest.git.listMatchingRefs({ ...repo, ref: `heads/${branch}` })).data[0]?.object.sha;
  // Refused before any git is asked: that GitHub is looked at as it is, is what this shows.
  const push = (of = run) =>
    pushWork({ grants: effects.grants } as never, of, { branch, old, rebuilt: "e".repeat(40) as Sha, duty: "publisher" });
  const asPull = async () => {
    const { data } = await effects.maintainer.rest.pulls.create({ ...repo, head: branch, base: "main", title: "P" });
    const request = { ...run.request, subject: { kind: "pull" as const, number: data.number, id: 1 } };
    return { pull: data.number, run: { ...run, request } };
  };

  it("is not put on what was pushed there", async () => {
    const { tree } = (await effects.maintainer.rest.git.getCommit({ ...repo, commit_sha: old })).data;
    const made = await effects.maintainer.rest.git.createCommit({ ...repo, message: "more", tree: tree.sha, parents: [old] });
    await move(made.data.sha as Sha, false);
    expect(await push()).toMatchObject({ is: "work-refused", reason: { code: "publish.branch-moved" } });
    expect(await tip()).toBe(made.data.sha);
  });

  it("overwrites nothing that was force-pushed there", async () => {
    const theirs = await effects.strangerCommit("something else entirely");
    await move(theirs, true);
    expect(await push()).toMatchObject({ is: "work-refused", reason: { code: "publish.branch-forced" } });
    expect(await tip()).toBe(theirs);
  });

  it("makes none again that was deleted", async () => {
    await effects.maintainer.rest.git.deleteRef({ ...repo, ref: `heads/${branch}` });
    expect(await push()).toMatchObject({ is: "work-refused", reason: { code: "publish.branch-gone" } });
    expect(await tip()).toBeUndefined();
  });

  it("goes to no pull request that was closed, whoever closed it", async () => {
    const of = await asPull();
    await effects.maintainer.rest.pulls.update({ ...repo, pull_number: of.pull, state: "closed" });
    expect(await push(of.run)).toMatchObject({ is: "work-refused", reason: { code: "publish.pull-closed" } });
    expect(await tip()).toBe(old);
  });
});

describe("a pull request whose target is gone", () => {
  it("goes into the default branch where the target was renamed to that, and is told to a person otherwise", async () => {
    const pins = await effects.mainPins();
    const other = await effects.strangerCommit("elsewhere");
    const asked = { pins, branch: `agent/issue-${number}` };
    expect(await findOtherTarget(effects, run, asked)).toBeUndefined();
    const rename = (branch: string, to: string) =>
      effects.house.github.happen({ do: "rename-branch", repository: "acme/shop", branch, to });
    await rename("main", "trunk");
    try {
      expect(await findOtherTarget(effects, run, asked)).toBe("trunk");
      const elsewhere = { ...asked, pins: { ...pins, baseSha: other } };
      await expect(findOtherTarget(effects, run, elsewhere)).rejects.toMatchObject({
        code: "publish.target-gone",
        remedy: expect.stringContaining(`pushed to the branch agent/issue-${number}`),
      });
    } finally {
      await rename("trunk", "main");
    }
  });
});

describe("an issue that takes no comment", () => {
  const parts = { disk: { full: () => undefined }, line: { priorityOf: () => 0 }, nowMs: Date.now };
  const begin = async () => {
    const { store, grants, app } = effects;
    const pageUrl = (key: string) => `https://airlock.example/runs/${key}`;
    const teller = createTeller({ ...parts, db: store.db, grants, app, redact: (text) => text, pageUrl });
    return announce({ db: store.db, grants, app, teller }, run, await effects.mainPins());
  };

  it.each([
    ["locked", "lock-issue", "issue is locked"],
    ["deleted", "delete-issue", "issue was deleted"],
  ] as const)("as it is %s, keeps no run from its work: the check tells what the comment could not", async (_, what, words) => {
    await effects.house.github.happen({ do: what, repository: "acme/shop", issue: number });
    const fact = await begin();
    expect(fact).toMatchObject({
      is: "announced",
      stand: { branch: `agent/issue-${number}`, checkRunId: expect.any(Number) },
      untold: expect.arrayContaining([expect.stringContaining(words)]),
    });
    const pins = await effects.mainPins();
    const { db, queue } = effects.store;
    const state = evolve({ at: "announcing", pins }, fact);
    await appendFact(db, queue, { run: run.id, fence: run.fence, fact, state, nowMs: 1 });
    const row = await findRun(db, run.id);
    if (!row) throw new Error("the run is gone");
    const { summary } = checkOf(await readStory({ ...parts, db }, row), { pageUrl: "https://airlock.example/runs/x", nowMs: 2 });
    expect(summary).toContain("What could not be told");
    expect(summary).toContain(words);
  });

  it("as it was transferred, is found out at the second try", async () => {
    await effects.house.github.addRepository({ owner: "acme", name: `inbox${number}`, files: {} });
    const to = `acme/inbox${number}`;
    await effects.house.github.happen({ do: "transfer-issue", repository: "acme/shop", issue: number, to });
    await expect(begin()).rejects.toMatchObject({ code: "github.redirected" });
    run = { ...run, tries: 1 };
    expect(await begin()).toMatchObject({ untold: expect.arrayContaining([expect.stringContaining("somewhere else")]) });
  });
});
