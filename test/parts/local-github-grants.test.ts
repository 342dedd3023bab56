import { createSign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGitHubApp } from "../../src/github/app.ts";
import { createGrants, scopeOf } from "../../src/github/grant.ts";
import { openSeal } from "../../src/secret/seal.ts";
import { Secret } from "../../src/secret/secret.ts";
import { grantsOf } from "../../src/store/queries/grants.ts";
import { type GitHubHouse, openGitHubHouse, refusal } from "../helpers/local-github.ts";
import { addHeldRun, openTestStore } from "../helpers/store.ts";

const repo = { owner: "acme", repo: "shop" };
let house: GitHubHouse;
/** Added to the clock that GitHub reads. */
let laterMs = 0;
const clock = (): number => Date.now() + laterMs;

beforeAll(async () => {
  house = await openGitHubHouse({ nowMs: clock });
  const files = { "README.md": "secret\n" };
  await house.github.addRepository({ owner: "acme", name: "vault", files, private: true });
  await house.github.addRepository({ owner: "acme", name: "apart", files, private: true, installed: false });
});

afterAll(async () => {
  const { invalidResponses } = house.github.state();
  await house[Symbol.asyncDispose]();
  expect(invalidResponses).toEqual([]);
});

function jwt(claims: Record<string, unknown>, algorithm = "RS256", key = house.github.app.privateKey): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: algorithm, typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key).toString("base64url")}`;
}

async function ask(
  path: string,
  authorization?: string,
  init: RequestInit = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { ...(authorization ? { authorization } : {}), ...(init.body ? { "content-type": "application/json" } : {}) };
  const answer = await fetch(`${house.github.api}${path}`, { ...init, headers });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

describe("an App's JWT", () => {
  const nowS = () => Math.floor(clock() / 1000);

  it("is taken from a known App, freshly signed", async () => {
    const good = { iss: String(house.github.app.id), iat: nowS() - 30, exp: nowS() + 300 };
    expect(await ask("/app", `Bearer ${jwt(good)}`)).toMatchObject({
      status: 200,
      body: { slug: "airlock", client_id: house.github.app.clientId },
    });
    expect((await ask("/app", `Bearer ${jwt({ ...good, iss: house.github.app.clientId })}`)).status).toBe(200);
  });

  it("is taken with any of the App's keys, until that one is deleted", async () => {
    await using rolled = await openGitHubHouse();
    const { id, privateKey } = rolled.github.app;
    const second = rolled.github.addKey();
    const statusWith = async (key: string) => {
      const token = jwt({ iss: String(id), iat: nowS() - 30, exp: nowS() + 300 }, "RS256", key);
      return (await fetch(`${rolled.github.api}/app`, { headers: { authorization: `Bearer ${token}` } })).status;
    };
    expect([await statusWith(privateKey), await statusWith(second)]).toEqual([200, 200]);
    rolled.github.deleteFirstKey();
    expect([await statusWith(privateKey), await statusWith(second)]).toEqual([401, 200]);
  });

  it.each([
    ["expired", { exp: -10 }],
    ["good for more than ten minutes", { exp: 3600 }],
    ["issued in the future", { iat: 300 }],
  ])("is refused with 401 when %s", async (_, change: Record<string, number>) => {
    const times = { iat: -30, exp: 300, ...change };
    const claims = { iss: String(house.github.app.id), iat: nowS() + times.iat, exp: nowS() + times.exp };
    expect((await ask("/app", `Bearer ${jwt(claims)}`)).status).toBe(401);
  });

  it("is refused with another's signature, another algorithm, or where an installation's token is wanted", async () => {
    const claims = { iss: String(house.github.app.id), iat: nowS() - 30, exp: nowS() + 300 };
    expect((await ask("/app", `Bearer ${jwt(claims).slice(0, -8)}AAAAAAAA`)).status).toBe(401);
    expect((await ask("/app", `Bearer ${jwt(claims, "none")}`)).status).toBe(401);
    expect((await ask("/app", "Bearer nonsense")).status).toBe(401);
    expect((await ask("/repos/acme/shop", `Bearer ${jwt(claims)}`)).status).toBe(401);
    expect((await ask("/installation/repositories", `Bearer ${jwt(claims)}`)).status).toBe(401);
  });
});

describe("an installation's token", () => {
  it("holds no more than was asked for, and each mint is another", async () => {
    const request = { repositories: ["shop"], permissions: { contents: "read" } };
    const [one, two] = [await house.mint(request), await house.mint(request)];
    expect(one).toMatch(/^ghs_/);
    expect(one).not.toBe(two);
    const octokit = house.as(one);
    expect((await octokit.rest.apps.listReposAccessibleToInstallation()).data.repositories.map(({ name }) => name)).toEqual([
      "shop",
    ]);
    const denied = await refusal(octokit.rest.issues.createComment({ ...repo, issue_number: 1, body: "x" }));
    expect(denied).toMatchObject({ status: 403, message: "Resource not accessible by integration" });
    expect((await refusal(octokit.rest.repos.getContent({ owner: "acme", repo: "vault", path: "README.md" }))).status).toBe(404);
    const vault = house.as(await house.mint({ repositories: ["vault"] }));
    expect((await vault.rest.repos.getContent({ owner: "acme", repo: "vault", path: "README.md" })).status).toBe(200);
  });

  it("is refused with 422 for a permission or a repository that the installation lacks", async () => {
    expect(await refusal(house.mint({ permissions: { workflows: "write" } }))).toMatchObject({
      status: 422,
      message: "The permissions requested are not granted to this installation.",
    });
    expect((await refusal(house.mint({ permissions: { metadata: "write" } }))).status).toBe(422);
    expect((await refusal(house.mint({ repositories: ["apart"] }))).status).toBe(422);
    expect((await refusal(house.mint({ repository_ids: [1] }))).status).toBe(422);
    expect((await refusal(house.mint({ permissions: { contents: "everything" } }))).status).toBe(422);
  });

  it("is dead once revoked, and after its hour", async () => {
    const before = house.github.state().tokens.live;
    const revoked = await house.mint();
    expect((await house.as(revoked).rest.apps.revokeInstallationAccessToken()).status).toBe(204);
    expect(await ask("/installation/repositories", `token ${revoked}`)).toMatchObject({
      status: 401,
      body: { message: "Bad credentials" },
    });
    const old = await house.mint();
    expect(house.github.state().tokens.live).toBe(before + 1);
    laterMs = 3_600_001;
    expect((await ask("/installation/repositories", `token ${old}`)).status).toBe(401);
    expect(house.github.state().tokens.live).toBe(0);
    laterMs = 0;
  });

  it("serves git by Basic, reading with contents:read and pushing only with contents:write", async () => {
    const { github, git, folder } = house;
    const reader = await house.mint({ repositories: ["vault"], permissions: { contents: "read" } });
    const address = `${github.url}/acme/vault.git`;
    expect((await git(["clone", "-q", address, "vault"], { token: reader })).exitCode).toBe(0);
    const cwd = join(folder, "vault");
    const refused = await git(["push", "origin", "HEAD:refs/heads/x"], { cwd, token: reader });
    expect(refused.stderr).toContain("403");
    expect((await git(["ls-remote", address], {})).stderr).toContain("could not read Username");
    expect((await git(["ls-remote", address], { token: await house.mint({ repositories: ["shop"] }) })).stderr).toContain(
      "not found",
    );
    expect((await git(["push", "origin", "HEAD:refs/heads/x"], { cwd, token: github.users.outsider.token })).stderr).toContain(
      "not found",
    );
    expect((await git(["push", "-q", "origin", "HEAD:refs/heads/x"], { cwd, token: github.users.writer.token })).exitCode).toBe(
      0,
    );
  });

  it("may not push a workflow, not even in a middle commit, without the permission for it", async () => {
    const { github, git, folder, mint } = house;
    const token = await mint({ permissions: { contents: "write" } });
    await git(["clone", "-q", `${github.url}/acme/shop.git`, "flow"], { token });
    const cwd = join(folder, "flow");
    await git(["switch", "-qc", "flow"], { cwd });
    await git(["config", "core.safecrlf", "false"], { cwd });
    await writeFile(join(cwd, "ci.yml"), "on: push\n");
    await git(["add", "ci.yml"], { cwd });
    await git(
      [
        "update-index",
        "--add",
        "--cacheinfo",
        `100644,${(await git(["hash-object", "-w", "ci.yml"], { cwd })).stdout},.github/workflows/ci.yml`,
      ],
      { cwd },
    );
    await git(["commit", "-qm", "Run everything"], { cwd });
    await git(["rm", "-q", "--cached", ".github/workflows/ci.yml"], { cwd });
    await git(["commit", "-qm", "Hide it"], { cwd });
    const push = await git(["push", "origin", "flow"], { cwd, token });
    expect(push.exitCode).toBe(1);
    expect(push.stderr).toContain(
      "! [remote rejected] flow -> flow (refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission)",
    );
    expect((await git(["ls-remote", "origin", "flow"], { cwd, token })).stdout).toBe("");
    const put = { ...repo, path: ".github/workflows/x.yml", message: "x", content: "eA==" };
    expect((await refusal(house.as(token).rest.repos.createOrUpdateFileContents(put))).status).toBe(403);
    expect((await git(["push", "-q", "origin", "flow"], { cwd, token: github.users.maintainer.token })).exitCode).toBe(0);
  });
});

describe("users", () => {
  it("have the permissions of their roles, told in GitHub's old words and new", async () => {
    const octokit = house.as(await house.mint({ permissions: { metadata: "read" } }));
    const seen: Record<string, [string, string]> = {};
    for (const username of ["maintainer", "writer", "triager", "outsider"]) {
      const { permission, role_name } = (await octokit.rest.repos.getCollaboratorPermissionLevel({ ...repo, username })).data;
      seen[username] = [permission, role_name];
    }
    expect(seen).toEqual({
      maintainer: ["admin", "admin"],
      writer: ["write", "write"],
      triager: ["read", "triage"],
      outsider: ["read", "read"],
    });
    const vault = house.as(await house.mint());
    const hidden = await vault.rest.repos.getCollaboratorPermissionLevel({ owner: "acme", repo: "vault", username: "outsider" });
    expect(hidden.data.permission).toBe("none");
    expect((await refusal(vault.rest.repos.getCollaboratorPermissionLevel({ ...repo, username: "nobody" }))).status).toBe(404);
  });

  it("who only read may open issues and comment, but neither label nor push nor see what is private", async () => {
    const outsider = house.as(house.github.users.outsider.token);
    const issue = (await outsider.rest.issues.create({ ...repo, title: "Mine", labels: ["agent"] })).data;
    expect(issue.labels).toEqual([]);
    expect(
      (await refusal(outsider.rest.issues.addLabels({ ...repo, issue_number: issue.number, labels: ["agent"] }))).status,
    ).toBe(403);
    expect((await refusal(outsider.rest.repos.get({ owner: "acme", repo: "vault" }))).status).toBe(404);
    expect((await refusal(outsider.rest.checks.create({ ...repo, name: "x", head_sha: "main" }))).status).toBe(403);
    const triager = house.as(house.github.users.triager.token);
    expect((await triager.rest.issues.addLabels({ ...repo, issue_number: issue.number, labels: ["agent"] })).data).toMatchObject([
      { name: "agent" },
    ]);
    const maintainer = house.as(house.github.users.maintainer.token);
    expect(await refusal(maintainer.rest.checks.create({ ...repo, name: "x", head_sha: "main" }))).toMatchObject({
      status: 403,
      message: "You must authenticate via a GitHub App.",
    });
  });
});

describe("a run's kept token that died although our ledger says that it lives", () => {
  it("is replaced once, the call is made with the new one, and the old one is struck from the ledger", async () => {
    const { github } = house;
    await using store = await openTestStore();
    const run = await addHeldRun(store, { name: "kept", number: 1 });
    const [installation] = (await house.app().rest.apps.listInstallations()).data;
    const { data: shop } = await house.as(await house.mint()).rest.repos.get(repo);
    const scope = {
      ...scopeOf(run.id, { ...run.request, ...repo, name: "shop" }),
      ...{ installationId: installation?.id ?? 0, repositoryId: shop.id },
    };
    const { apiUrl, webHost } = { apiUrl: github.api, webHost: "github.com" };
    const app = createGitHubApp({ ...{ apiUrl, webHost }, appId: github.app.id, privateKey: new Secret(github.app.privateKey) });
    const parts = { app, db: store.db, seal: openSeal(join(store.folder, "seal.key")), keepSecret: () => {}, nowMs: Date.now };
    const grants = createGrants({ ...parts, accounts: ["acme"] });

    const api = await grants.keep("reporter", scope);
    const first = await grants.lend("reporter", scope);
    // As somebody who has it, or GitHub itself, would.
    await house.as(first).rest.apps.revokeInstallationAccessToken();
    expect((await refusal(app.apiFor(first).rest.issues.get({ ...repo, issue_number: 1 }))).status).toBe(401);
    const { data: issue } = await api.rest.issues.create({ ...repo, title: "Made once" });
    expect((await api.rest.issues.listForRepo(repo)).data.filter(({ title }) => title === "Made once")).toHaveLength(1);
    const rows = await grantsOf(store.db, run.id);
    expect(rows.map(({ state }) => state).sort()).toEqual(["live", "revoked"]);
    expect(await grants.lend("reporter", scope)).not.toBe(first);
    // Once: what is refused with a fresh token is refused.
    const before = github.world.requests.filter(({ path }) => path.endsWith("/access_tokens")).length;
    github.faults.add({ match: { method: "GET", path: /\/issues\/\d+$/ }, status: 401, times: 2 });
    expect((await refusal(api.rest.issues.get({ ...repo, issue_number: issue.number }))).status).toBe(401);
    expect(github.world.requests.filter(({ path }) => path.endsWith("/access_tokens")).length).toBe(before + 1);
    await grants.revokeAll(run.id);
  });
});
