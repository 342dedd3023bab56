import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GitHubHouse, openGitHubHouse, refusal } from "../helpers/local-github.ts";

const repo = { owner: "acme", repo: "shop" };
let house: GitHubHouse;

beforeAll(async () => {
  house = await openGitHubHouse();
});

afterAll(async () => {
  const { invalidResponses } = house.github.state();
  await house[Symbol.asyncDispose]();
  expect(invalidResponses).toEqual([]);
});

describe("deliveries", () => {
  it("are kept with payload and answer, and sent again on request", async () => {
    await house.heard("installation", "created");
    house.answerWith(503);
    const { number } = (await house.as(house.github.users.maintainer.token).rest.issues.create({ ...repo, title: "Lost" })).data;
    await house.heard("issues", "opened");
    house.answerWith(200);
    const app = house.app();
    const failed = (await app.rest.apps.listWebhookDeliveries({ status: "failure" })).data;
    expect(failed).toMatchObject([{ event: "issues", action: "opened", status_code: 503, redelivery: false }]);
    // An id of GitHub's has more digits than a number: Octokit reads it as a BigInt, and drops one that is given to it as such.
    expect(failed[0]?.id).toBeTypeOf("bigint");
    const delivery_id = String(failed[0]?.id) as unknown as number;
    const whole = (await app.rest.apps.getWebhookDelivery({ delivery_id })).data;
    expect(whole.request.payload).toMatchObject({ action: "opened", issue: { number } });
    expect(whole.request.headers).toMatchObject({ "X-GitHub-Event": "issues", "X-GitHub-Delivery": whole.guid });
    await app.rest.apps.redeliverWebhookDelivery({ delivery_id });
    await house.github.settled();
    expect(house.received.filter(({ guid }) => guid === whole.guid)).toHaveLength(2);
    const latest = (await app.rest.apps.listWebhookDeliveries({ per_page: 1 })).data;
    expect(latest).toMatchObject([{ guid: whole.guid, redelivery: true, status_code: 200 }]);
  });

  it("are paged by a cursor, newest first", async () => {
    const app = house.app();
    const all = await app.paginate(app.rest.apps.listWebhookDeliveries, { per_page: 1 });
    expect(all.length).toBeGreaterThanOrEqual(3);
    expect(all.map(({ id }) => id)).toEqual([...all.map(({ id }) => id)].sort((a, b) => (a < b ? 1 : -1)));
  });

  it("go where the App's webhook settings say", async () => {
    const app = house.app();
    const { url } = (await app.rest.apps.getWebhookConfigForApp()).data;
    // Octokit takes a parameter `url` for the request's own.
    const point = (to: unknown) => app.request("PATCH /app/hook/config", { data: { url: to } } as never);
    await point("http://127.0.0.1:9/nowhere");
    await house.as(house.github.users.maintainer.token).rest.issues.create({ ...repo, title: "Unheard" });
    await house.github.settled();
    expect((await app.rest.apps.listWebhookDeliveries({ per_page: 1 })).data).toMatchObject([{ status_code: 0 }]);
    await point(url);
  });
});

describe("the App, by its JWT", () => {
  it("finds itself, its installations and their repositories", async () => {
    const app = house.app();
    expect((await app.rest.apps.getAuthenticated()).data).toMatchObject({ id: house.github.app.id, installations_count: 1 });
    const installations = (await app.rest.apps.listInstallations()).data;
    expect(installations).toMatchObject([
      { id: house.github.app.installationId, account: { login: "acme" }, repository_selection: "selected" },
    ]);
    expect((await app.rest.apps.getInstallation({ installation_id: house.github.app.installationId })).data.app_slug).toBe(
      "airlock",
    );
    expect((await app.rest.apps.getRepoInstallation(repo)).data.id).toBe(house.github.app.installationId);
    expect((await refusal(app.rest.apps.getRepoInstallation({ owner: "acme", repo: "nope" }))).status).toBe(404);
    expect((await refusal(app.rest.apps.getInstallation({ installation_id: 1 }))).status).toBe(404);
    await house.github.addRepository({ owner: "acme", name: "second", files: { "a.txt": "a\n" } });
    expect(await house.heard("installation_repositories", "added")).toMatchObject({
      repositories_added: [{ full_name: "acme/second" }],
    });
  });
});

describe("accounts and the rest", () => {
  it("tells who is who, the bot included", async () => {
    const user = house.as(house.github.users.writer.token);
    expect((await user.rest.users.getAuthenticated()).data.login).toBe("writer");
    expect((await user.rest.users.getByUsername({ username: "airlock[bot]" })).data).toMatchObject({
      id: house.github.app.bot.id,
      type: "Bot",
    });
    expect((await refusal(user.rest.users.getByUsername({ username: "ghost" }))).status).toBe(404);
    expect((await user.rest.meta.get()).data.git).toEqual(["127.0.0.1/32"]);
    expect((await user.rest.rateLimit.get()).data.rate.limit).toBe(5000);
    expect((await user.rest.repos.get(repo)).data).toMatchObject({
      default_branch: "main",
      permissions: { push: true, admin: false },
    });
    const installation = house.as(await house.mint());
    expect(await refusal(installation.rest.users.getAuthenticated())).toMatchObject({
      status: 403,
      message: "Resource not accessible by integration",
    });
  });

  it("names the field of a request that is wrong, and knows no path that GitHub lacks", async () => {
    const user = house.as(house.github.users.writer.token);
    const missing = await refusal(user.request("POST /repos/{owner}/{repo}/issues", { ...repo } as never));
    expect(missing).toMatchObject({ status: 422, errors: [{ field: "title", code: "missing_field" }] });
    const wrong = await refusal(
      user.request("POST /repos/{owner}/{repo}/issues", { ...repo, title: "x", labels: "agent" } as never),
    );
    expect(wrong).toMatchObject({ status: 422, errors: [{ field: "labels" }] });
    expect(
      (await refusal(user.request("GET /repos/{owner}/{repo}/issues/{issue_number}", { ...repo, issue_number: "x" as never })))
        .status,
    ).toBe(422);
    expect((await refusal(user.request("GET /nothing/of/the/kind"))).status).toBe(404);
    expect(
      (
        await fetch(`${house.github.api}/repos/acme/shop/issues`, {
          method: "POST",
          headers: { authorization: `token ${house.github.users.writer.token}` },
          body: "{",
        })
      ).status,
    ).toBe(400);
    expect((await fetch(`${house.github.api}/repos/acme/shop/issues`, { method: "POST", body: "{}" })).status).toBe(401);
  });

  it("answers 304 to who has the answer already", async () => {
    const first = await fetch(`${house.github.api}/repos/acme/shop`);
    const again = await fetch(`${house.github.api}/repos/acme/shop`, {
      headers: { "if-none-match": String(first.headers.get("etag")) },
    });
    expect([first.status, again.status]).toEqual([200, 304]);
  });

  it("shows pages on which nothing of a user's is markup", async () => {
    const user = house.as(house.github.users.outsider.token);
    const evil = '<script>alert("x")</script>';
    const issue = (await user.rest.issues.create({ ...repo, title: evil, body: evil })).data;
    await user.rest.issues.createComment({ ...repo, issue_number: issue.number, body: evil });
    const page = await (await fetch(issue.html_url)).text();
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toContain("<script");
    expect((await fetch(`${house.github.url}/acme/shop`)).status).toBe(200);
    expect((await fetch(`${house.github.url}/acme/shop/issues/999`)).status).toBe(404);
    expect((await fetch(`${house.github.url}/acme/nope`)).status).toBe(404);
  });
});

describe("faults on demand", () => {
  it("answer 502 although it was done, or refuse without doing it, as often as asked", async () => {
    const user = house.as(house.github.users.maintainer.token);
    const before = house.github.state().issues;
    house.github.faults.add({ match: { method: "POST", path: /\/issues$/ }, thenStatus: 502 });
    expect((await refusal(user.rest.issues.create({ ...repo, title: "Done" }))).status).toBe(502);
    expect(house.github.state().issues).toBe(before + 1);
    const limit = { status: 403, message: "You have exceeded a secondary rate limit.", headers: { "retry-after": "1" } };
    house.github.faults.add({ match: { path: "/api/v3/repos/acme/shop/issues" }, ...limit, times: 2 });
    for (const _ of [1, 2])
      expect(await refusal(user.rest.issues.create({ ...repo, title: "No" }))).toMatchObject({
        status: 403,
        message: limit.message,
      });
    expect((await user.rest.issues.create({ ...repo, title: "Yes" })).status).toBe(201);
    expect(house.github.state().issues).toBe(before + 2);
  });

  it("delay, break the connection and refuse pushes, on the word of another process", async () => {
    const { url, users } = house.github;
    const rules = [
      { match: { method: "GET", path: "/api/v3/meta" }, delayMs: 80 },
      { match: { path: "/api/v3/rate_limit" }, thenStatus: 0 },
      { match: { path: "/acme/shop.git/git-receive-pack" }, refusePush: "protected branch hook declined" },
    ];
    expect((await fetch(`${url}/_local/faults`, { method: "PUT", body: JSON.stringify(rules) })).status).toBe(200);
    const startedMs = performance.now();
    await fetch(`${house.github.api}/meta`);
    expect(performance.now() - startedMs).toBeGreaterThan(75);
    await expect(fetch(`${house.github.api}/rate_limit`)).rejects.toThrow("fetch failed");
    await house.git(["clone", "-q", `${url}/acme/shop.git`, "refused"]);
    const push = await house.git(["push", "origin", "HEAD:refs/heads/x"], {
      cwd: `${house.folder}/refused`,
      token: users.writer.token,
    });
    expect(push.stderr).toContain("[remote rejected] HEAD -> x (protected branch hook declined)");
    expect(await (await fetch(`${url}/_local/faults`)).json()).toEqual([]);
    expect((await fetch(`${url}/_local/faults`, { method: "PUT", body: "{" })).status).toBe(400);
  });

  it("stands beside a state that other processes can read", async () => {
    const state = (await (await fetch(`${house.github.url}/_local/state`)).json()) as {
      tokens: { minted: number };
      requests: { actor: string; operation: string }[];
    };
    expect(state.tokens.minted).toBeGreaterThan(0);
    expect(state.requests).toContainEqual(
      expect.objectContaining({ method: "POST", status: 502, actor: "maintainer", operation: "issues/create" }),
    );
  });
});

describe("registration by manifest", () => {
  const manifest = {
    name: "Airlock at home",
    url: "http://127.0.0.1/",
    redirect_url: "http://127.0.0.1:9/setup",
    hook_attributes: { url: "http://127.0.0.1:9/hook" },
    default_permissions: { contents: "write", issues: "write", checks: "write", pull_requests: "write" },
    default_events: ["issues", "issue_comment", "check_run"],
  };

  async function send(path: string, wanted: object, more: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams({ manifest: JSON.stringify(wanted), ...more });
    return fetch(`${house.github.url}${path}`, { method: "POST", body, redirect: "manual" });
  }

  it("goes from the form to a code that works once, and on to an installation", async () => {
    const confirm = await send("/organizations/acme/settings/apps/new?state=abc", manifest);
    const page = await confirm.text();
    expect(page).toContain("Create GitHub App");
    expect(page).toContain('action="/organizations/acme/settings/apps/manifest"');
    const created = await send("/organizations/acme/settings/apps/manifest", manifest, { state: "abc", name: "Airlock at home" });
    const target = new URL(String(created.headers.get("location")));
    expect(created.status).toBe(302);
    expect(target.searchParams.get("state")).toBe("abc");
    const convert = () =>
      fetch(`${house.github.api}/app-manifests/${target.searchParams.get("code")}/conversions`, { method: "POST" });
    const app = (await (await convert()).json()) as Record<string, unknown>;
    expect(app).toMatchObject({ slug: "airlock-at-home", owner: { login: "acme" } });
    expect(String(app.pem)).toContain("PRIVATE KEY");
    expect((await convert()).status).toBe(404);
    const installed = await fetch(`${house.github.url}/apps/airlock-at-home/installations/new`, {
      method: "POST",
      body: new URLSearchParams({ account: "acme" }),
    });
    expect(installed.status).toBe(200);
    expect(house.github.world.installations.map(({ app: { slug } }) => slug)).toEqual(["airlock", "airlock-at-home"]);
  });

  it.each([
    ["installation", "Default events unsupported: installation"],
    ["pull_request", "Default events are not supported by permissions: pull_request"],
  ])("refuses the event %s", async (event, words) => {
    const permissions = { contents: "write", issues: "write" };
    const answer = await send("/settings/apps/new", {
      ...manifest,
      name: `With ${event}`,
      default_permissions: permissions,
      default_events: [event],
    });
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain(words);
  });
});
