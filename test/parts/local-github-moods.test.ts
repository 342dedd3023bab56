import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GitHubHouse, openGitHubHouse, refusal } from "../helpers/local-github.ts";

let house: GitHubHouse;
let count = 0;
let repo: { owner: string; repo: string };
let id: number;
beforeAll(async () => {
  house = await openGitHubHouse();
});
afterAll(async () => {
  const { invalidResponses } = house.github.state();
  await house[Symbol.asyncDispose]();
  expect(invalidResponses).toEqual([]);
});
beforeEach(async () => {
  repo = { owner: "acme", repo: `mood${++count}` };
  id = (await house.github.addRepository({ owner: "acme", name: repo.repo, files: { "README.md": "Hi\n" } })).id;
});
afterEach(() => house.github.faults.clear());

const name = () => `${repo.owner}/${repo.repo}`;
const person = () => house.as(house.github.users.maintainer.token);
const token = (more: object = {}) => house.mint({ repository_ids: [id], ...more });
const ask = (path: string, credential: string, init: RequestInit = {}) =>
  fetch(`${house.github.api}${path}`, { redirect: "manual", headers: { authorization: `token ${credential}` }, ...init });

describe("a repository that was renamed", () => {
  it("answers its old name with a redirect by its id, for the API and for git, and says so to the App", async () => {
    const credential = await token();
    await house.github.happen({ do: "rename", repository: name(), to: "renamed" });
    const read = await ask(`/repos/${name()}/labels?per_page=5`, credential);
    expect([read.status, read.headers.get("location")]).toEqual([
      301,
      `${house.github.api}/repositories/${id}/labels?per_page=5`,
    ]);
    expect((await ask(`/repos/${name()}/labels`, credential, { method: "POST", body: '{"name":"x"}' })).status).toBe(307);
    // What follows is led there.
    expect((await ask(`/repos/${name()}`, credential, { redirect: "follow" })).status).toBe(200);
    const git = await fetch(`${house.github.url}/${name()}.git/info/refs?service=git-upload-pack`, { redirect: "manual" });
    expect(git.headers.get("location")).toBe(`${house.github.url}/acme/renamed.git/info/refs?service=git-upload-pack`);
    expect(await house.heard("repository", "renamed")).toMatchObject({
      changes: { repository: { name: { from: repo.repo } } },
      repository: { id, full_name: "acme/renamed" },
      installation: { id: house.github.app.installationId },
    });
    await house.github.happen({ do: "rename", repository: "acme/renamed", to: `renamed${count}` });
  });

  it("has lost its old name to whoever takes it, and a token for it writes nothing there", async () => {
    const credential = await token();
    await house.github.happen({ do: "rename", repository: name(), to: `other${count}` });
    const files = { "README.md": "Somebody else's\n" };
    await house.github.addRepository({ owner: "acme", name: repo.repo, files, installed: false });
    const { data } = await house.as(credential).rest.repos.get(repo);
    expect(data.id).not.toBe(id);
    const written = house.as(credential).rest.issues.createLabel({ ...repo, name: "x" });
    expect(await refusal(written)).toMatchObject({ status: 403, message: expect.stringContaining("not accessible") });
    // Where it is now is told by its id alone: as the token is minted, and by the token.
    const minted = await house.app().request("POST /app/installations/{installation_id}/access_tokens", {
      ...{ installation_id: house.github.app.installationId, repository_ids: [id], permissions: { metadata: "read" } },
    });
    expect(minted.data.repositories).toMatchObject([{ id, full_name: `acme/other${count}` }]);
    const reached = await house.as(credential).rest.apps.listReposAccessibleToInstallation();
    expect(reached.data.repositories).toMatchObject([{ id, full_name: `acme/other${count}` }]);
  });
});

describe("a repository that was", () => {
  it("transferred is out of its old installation, and heard of by the new owner's alone", async () => {
    const credential = await token();
    await house.github.addRepository({ owner: "globex", name: "any", files: {} });
    const theirs = house.github.world.installations.find(({ account }) => account.login === "globex");
    if (theirs) theirs.repositoryIds = "all";
    await house.github.happen({ do: "transfer", repository: name(), to: "globex" });
    expect((await refusal(token())).status).toBe(422);
    expect((await house.as(credential).rest.apps.listReposAccessibleToInstallation()).data.repositories).toEqual([]);
    expect(await house.heard("repository", "transferred")).toMatchObject({
      changes: { owner: { from: { organization: { login: "acme" } } } },
      installation: { id: theirs?.id },
    });
  });

  it("archived, deleted or removed from the installation is told to the App, and refused", async () => {
    await house.github.happen({ do: "archive", repository: name() });
    expect(await house.heard("repository", "archived")).toMatchObject({ repository: { archived: true } });
    expect((await refusal(person().rest.issues.create({ ...repo, title: "T" }))).message).toContain("read-only");
    await house.github.happen({ do: "unarchive", repository: name() });
    await house.github.happen({ do: "remove", repository: name() });
    expect(await house.heard("installation_repositories", "removed")).toMatchObject({ repositories_removed: [{ id }] });
    expect((await refusal(token())).status).toBe(422);

    const gone = await house.github.addRepository({ owner: "acme", name: `gone${count}`, files: {} });
    await house.github.happen({ do: "delete", repository: `acme/gone${count}` });
    expect(await house.heard("repository", "deleted")).toMatchObject({ repository: { id: gone.id } });
    expect((await refusal(house.mint({ repository_ids: [gone.id] }))).status).toBe(422);
  });
});

describe("an installation", () => {
  it("that is suspended refuses and tells who did it; lifted, it works again", async () => {
    const credential = await token();
    await house.github.happen({ do: "suspend", owner: "acme" });
    expect(await refusal(token())).toMatchObject({ status: 403, message: "This installation has been suspended" });
    expect((await ask("/installation/repositories", credential)).status).toBe(403);
    const { installationId } = house.github.app;
    const { data } = await house.app().rest.apps.getInstallation({ installation_id: installationId });
    expect(data).toMatchObject({ suspended_at: expect.any(String), suspended_by: { login: "maintainer" } });
    await house.github.happen({ do: "unsuspend", owner: "acme" });
    expect(await token()).toMatch(/^ghs_/);
    expect(await house.heard("installation", "suspend")).toMatchObject({ installation: { id: installationId } });
    expect(await house.heard("installation", "unsuspend")).toMatchObject({ sender: { login: "maintainer" } });
  });

  it("whose owner is renamed is told of it", async () => {
    await house.github.addRepository({ owner: "initech", name: "tps", files: {} });
    await house.github.happen({ do: "rename-owner", owner: "initech", to: "initrode" });
    expect(await house.heard("installation_target", "renamed")).toMatchObject({
      account: { login: "initrode" },
      changes: { login: { from: "initech" } },
    });
    expect((await ask("/repos/initech/tps", house.github.users.maintainer.token)).status).toBe(301);
  });

  it("that is taken away is told of it once more, with what it covered", async () => {
    await house.github.addRepository({ owner: "hooli", name: "nucleus", files: {} });
    await house.github.happen({ do: "uninstall", owner: "hooli" });
    expect(await house.heard("installation", "deleted")).toMatchObject({ repositories: [{ full_name: "hooli/nucleus" }] });
  });
});

describe("an issue", () => {
  const open = async () => (await person().rest.issues.create({ ...repo, title: "T" })).data.number;

  it("that is locked takes comments of those who may write, and of no App", async () => {
    const issue_number = await open();
    const at = { repository: name(), issue: issue_number };
    await house.github.happen({ do: "lock-issue", ...at });
    const written = house.as(await token()).rest.issues.createComment({ ...repo, issue_number, body: "B" });
    expect(await refusal(written)).toMatchObject({ status: 403, message: "Unable to create comment because issue is locked." });
    expect((await person().rest.issues.createComment({ ...repo, issue_number, body: "B" })).status).toBe(201);
    expect(await house.heard("issues", "locked")).toMatchObject({ issue: { number: issue_number, locked: true } });
    await house.github.happen({ do: "unlock-issue", ...at });
    expect(await house.heard("issues", "unlocked")).toMatchObject({ issue: { locked: false } });
  });

  it("that was deleted is gone for good, and its number with it; so are all while issues are turned off", async () => {
    const issue_number = await open();
    await house.github.happen({ do: "delete-issue", repository: name(), issue: issue_number });
    expect((await refusal(person().rest.issues.get({ ...repo, issue_number }))).status).toBe(410);
    expect(await house.heard("issues", "deleted")).toMatchObject({ issue: { number: issue_number } });
    const next = await open();
    expect(next).toBe(issue_number + 1);
    await house.github.happen({ do: "turn-issues-off", repository: name() });
    const comment = person().rest.issues.createComment({ ...repo, issue_number: next, body: "B" });
    expect(await refusal(comment)).toMatchObject({ status: 410, message: "Issues are disabled for this repo" });
    await house.github.happen({ do: "turn-issues-on", repository: name() });
    expect((await person().rest.issues.get({ ...repo, issue_number: next })).status).toBe(200);
  });

  it("that was transferred leads to where it is", async () => {
    const issue_number = await open();
    const to = await house.github.addRepository({ owner: "acme", name: `inbox${count}`, files: {} });
    const at = { repository: name(), issue: issue_number };
    await house.github.happen({ do: "transfer-issue", ...at, to: `acme/inbox${count}` });
    const read = await ask(`/repos/${name()}/issues/${issue_number}/comments`, house.github.users.maintainer.token);
    expect([read.status, read.headers.get("location")]).toEqual([
      301,
      `${house.github.api}/repositories/${to.id}/issues/1/comments`,
    ]);
    expect(await house.heard("issues", "transferred")).toMatchObject({ changes: { new_repository: { id: to.id } } });
  });
});

describe("a branch that was renamed", () => {
  it("leads to its new name, and takes its pull requests along", async () => {
    await house.github.happen({ do: "rename-branch", repository: name(), branch: "main", to: "trunk" });
    const credential = house.github.users.maintainer.token;
    const read = await ask(`/repos/${name()}/branches/main`, credential);
    expect(read.headers.get("location")).toBe(`${house.github.api}/repositories/${id}/branches/trunk`);
    expect((await person().rest.repos.get(repo)).data.default_branch).toBe("trunk");
    expect((await refusal(person().rest.git.getRef({ ...repo, ref: "heads/main" }))).status).toBe(404);
  });
});

describe("another process", () => {
  it("has something happen, or limits what is written, by the control address", async () => {
    const send = (path: string, method: string, body: unknown) =>
      fetch(`${house.github.url}${path}`, { method, body: JSON.stringify(body) });
    expect((await send("/_local/happenings", "POST", { do: "archive", repository: name() })).status).toBe(202);
    expect((await person().rest.repos.get(repo)).data.archived).toBe(true);
    expect((await send("/_local/happenings", "POST", { do: "archive", repository: "acme/nowhere" })).status).toBe(404);
    await house.github.happen({ do: "unarchive", repository: name() });

    const beyond = { times: 2, withinMs: 60_000 };
    const limit = { status: 403, headers: { "retry-after": "60" }, message: "You have exceeded a secondary rate limit." };
    await send("/_local/faults", "PUT", [{ match: { method: "WRITE", path: "/api/v3/repos" }, times: 0, beyond, ...limit }]);
    const write = () => person().rest.issues.create({ ...repo, title: "T" });
    await write();
    await write();
    expect(await refusal(write())).toMatchObject({ status: 403, message: limit.message });
    expect((await person().rest.repos.get(repo)).status).toBe(200);
  });
});
