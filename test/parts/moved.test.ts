import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { scopeOf } from "../../src/github/grant.ts";
import { ensureComment } from "../../src/report/comment.ts";
import { grantsOf } from "../../src/store/queries/grants.ts";
import { findRun, type RunRow } from "../../src/store/queries/runs.ts";
import { pin } from "../../src/trigger/pin.ts";
import { controlFell } from "../helpers/control.ts";
import { type Effects, openEffects } from "../helpers/github-effects.ts";
import { addHeldRun } from "../helpers/store.ts";

let effects: Effects;
let house: Effects["house"];
let grants: Effects["grants"];
let run: RunRow;
let count = 0;
let name = "";
beforeAll(async () => {
  effects = await openEffects();
  ({ house, grants } = effects);
  await house.github.addRepository({ owner: "globex", name: "any", files: {} });
});
afterAll(async () => {
  expect(house.github.state().invalidResponses).toEqual([]);
  await effects[Symbol.asyncDispose]();
});
beforeEach(async () => {
  name = `part${"abcdefghijklmnop".charAt(count++)}`;
  const { id } = await house.github.addRepository({ owner: "acme", name, files: { "README.md": "Ours\n" } });
  await effects.maintainer.rest.issues.create({ owner: "acme", repo: name, title: "Work" });
  const request = { installationId: house.github.app.installationId, repositoryId: id, name, askedAtMs: Date.now() };
  run = await addHeldRun(effects.store, { name, number: 1, nowMs: Date.now(), request });
});
afterEach(async () => {
  await grants.sweep(new Set(), 0);
  expect(house.github.state().tokens.live).toBe(0);
});

const scope = () => scopeOf(run.id, run.request);
const full = () => `${run.request.owner}/${run.request.name}`;
const again = async () => {
  run = (await findRun(effects.store.db, run.id)) ?? run;
};
/** Somebody's repository, public, with an issue of the same number. */
async function stranger(of: string) {
  const made = await house.github.addRepository({
    owner: "acme",
    name: of,
    files: { "README.md": "A stranger's\n" },
    installed: false,
  });
  await effects.maintainer.rest.issues.create({ owner: "acme", repo: of, title: "A stranger's issue" });
  return made.id;
}
const comment = async () => {
  const { botId } = await effects.app.identity();
  const at = { owner: run.request.owner, repo: run.request.name, number: 1 };
  return ensureComment(await grants.keep("reporter", scope()), {
    botId,
    ...at,
    run: run.id,
    sinceMs: run.createdAtMs,
    body: "B",
  });
};

describe("a repository that was renamed", () => {
  it("gives no token under its old name, and is met under its new one at the next attempt", async () => {
    await house.github.happen({ do: "rename", repository: full(), to: `${name}-new` });
    await expect(grants.mint("fetcher", scope())).rejects.toMatchObject({ code: "repository.moved" });
    await again();
    expect(run.request).toMatchObject({ owner: "acme", name: `${name}-new` });
    expect(await pin({ db: effects.store.db, grants, app: effects.app }, run)).toMatchObject({ is: "pinned" });
  });

  it("[45] and whose old name a stranger has taken is not read there, neither with a new token nor with a kept one", async () => {
    await comment();
    const kept = (await grantsOf(effects.store.db, run.id)).find(({ duty }) => duty === "reporter");
    await house.github.happen({ do: "rename", repository: full(), to: `${name}-mine` });
    const theirs = await stranger(name);
    // By the name alone it would have been addressed, and read.
    const undefended = await effects.app.apiFor(await grants.lend("reader", { ...scope(), repository: `acme/${name}-mine` }));
    controlFell((await undefended.rest.repos.get({ owner: "acme", repo: name })).data.id === theirs);
    await expect(pin({ db: effects.store.db, grants, app: effects.app }, run)).rejects.toMatchObject({
      code: "repository.moved",
    });

    const before = house.github.world.repositories.get(theirs);
    effects.passMs(11_000);
    await expect(comment()).rejects.toMatchObject({ code: "repository.moved" });
    await again();
    await comment();
    expect((await grantsOf(effects.store.db, run.id)).find(({ id }) => id === kept?.id)?.state).toBe("live");
    expect(before?.comments.size).toBe(0);
    const { data: comments } = await effects.maintainer.rest.issues.listComments({
      owner: "acme",
      repo: `${name}-mine`,
      issue_number: 1,
    });
    expect(comments).toHaveLength(1);
  });

  it("whose name is asked for a moment later is no redirect that is followed", async () => {
    const api = await grants.keep("reporter", scope());
    await house.github.happen({ do: "rename", repository: full(), to: `${name}-led` });
    await expect(api.rest.issues.get({ owner: "acme", repo: name, issue_number: 1 })).rejects.toMatchObject({
      code: "github.redirected",
    });
    const label = { owner: "acme", repo: name, issue_number: 1, labels: ["x"] };
    await expect(api.rest.issues.addLabels(label)).rejects.toMatchObject({ code: "github.redirected" });
    // Where it is, is asked at once then.
    await expect(grants.keep("reporter", scope())).rejects.toMatchObject({ code: "repository.moved" });
  });
});

describe("a repository that was transferred", () => {
  it("to an account where the same App works for this Airlock is met there, under its installation", async () => {
    await comment();
    const theirs = house.github.world.installations.find(({ account }) => account.login === "globex");
    if (theirs) theirs.repositoryIds = "all";
    await house.github.happen({ do: "transfer", repository: full(), to: "globex" });
    await expect(grants.mint("fetcher", scope())).rejects.toMatchObject({ code: "repository.moved" });
    await again();
    expect(run.request).toMatchObject({ owner: "globex", name, installationId: theirs?.id, accountId: theirs?.account.id });
    // The kept token is the old installation's, and reaches nothing any more.
    effects.passMs(11_000);
    await comment();
    expect(await pin({ db: effects.store.db, grants, app: effects.app }, run)).toMatchObject({ is: "pinned" });
  });

  it("to an account where it does not work is out of reach, and that is said", async () => {
    await house.github.addRepository({ owner: "unserved", name: "any", files: {} });
    const unserved = house.github.world.installations.find(({ account }) => account.login === "unserved");
    if (unserved) unserved.repositoryIds = "all";
    await house.github.happen({ do: "transfer", repository: full(), to: "unserved" });
    await expect(grants.mint("fetcher", scope())).rejects.toMatchObject({ code: "grant.repository-gone" });
  });
});

describe("an App that was taken away and installed anew", () => {
  it("goes on under its new installation", async () => {
    await house.github.addRepository({ owner: "acme", name: `${name}2`, files: {} });
    const world = house.github.world;
    const old = world.installations.find(({ id }) => id === house.github.app.installationId);
    if (!old) throw new Error("not installed");
    const anew = { ...old, id: world.nextId() };
    world.installations.splice(world.installations.indexOf(old), 1, anew);
    try {
      await expect(grants.mint("fetcher", scope())).rejects.toMatchObject({ code: "repository.moved" });
      await again();
      expect(run.request.installationId).toBe(anew.id);
      await using fetcher = await grants.mint("fetcher", scope());
      expect(fetcher.token).toMatch(/^ghs_/);
    } finally {
      world.installations.splice(world.installations.indexOf(anew), 1, old);
      await effects.store.db.deleteFrom("homes").execute();
    }
  });
});

describe("a kept token that GitHub takes no longer", () => {
  const kill = () => {
    for (const token of house.github.world.tokens.values()) token.revokedAtMs ??= Date.now();
  };

  it("before it is used again is replaced", async () => {
    await comment();
    kill();
    effects.passMs(11_000);
    await comment();
  });

  it("in mid-step is replaced, and the call is made again", async () => {
    const api = await grants.keep("reporter", scope());
    kill();
    const { status } = await api.rest.issues.get({ owner: "acme", repo: name, issue_number: 1 });
    expect(status).toBe(200);
    await comment();
  });
});
