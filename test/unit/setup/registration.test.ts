import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/fault.ts";
import { readSettings } from "../../../src/settings.ts";
import { registerApp } from "../../../src/setup/register.ts";

const pem = "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\n";
const conversion = {
  id: 12,
  slug: "airlock-ab",
  html_url: "",
  owner: { id: 34, login: "Acme" },
  pem,
  webhook_secret: "canary-secret-of-the-hook",
  client_id: "x",
  client_secret: "canary",
};

/** A browser: keeps one cookie, sends Origin as browsers do, follows nothing. */
function browser(origin: string) {
  let cookie = "";
  return async (path: string, init: { form?: Record<string, string>; headers?: Record<string, string> } = {}) => {
    const response = await fetch(`${origin}${path}`, {
      redirect: "manual",
      headers: { cookie, ...(init.form ? { origin } : {}), ...init.headers },
      ...(init.form ? { method: "POST", body: new URLSearchParams(init.form) } : {}),
    });
    const set = response.headers.get("set-cookie");
    if (set) cookie = set.split(";")[0] ?? "";
    return {
      status: response.status,
      location: response.headers.get("location"),
      headers: response.headers,
      text: await response.text(),
    };
  };
}

describe("registration", () => {
  let folder: string;
  let github: ReturnType<typeof createServer>;
  let gitHubUrl: string;
  let answer: { status: number; body: unknown };
  const asked: string[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "registration-"));
    answer = { status: 201, body: conversion };
    asked.length = 0;
    github = createServer((incoming, response) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    github.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = github.address();
    gitHubUrl = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  });

  afterEach(() => {
    github.close();
    github.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  const settingsOf = (more: Record<string, string> = {}) =>
    readSettings({
      env: {
        AIRLOCK_DATA: join(folder, "data"),
        GHE_HOST: gitHubUrl,
        GHE_PROTOCOL: "http",
        HOST: "127.0.0.1",
        PORT: "0",
        ...more,
      },
      cwd: folder,
    }).settings;

  async function begin(more: Record<string, string> = {}) {
    const stop = new AbortController();
    const invited = Promise.withResolvers<{ url: string; code: string }>();
    const codes: string[] = [];
    const problems: unknown[] = [];
    const registered = registerApp({
      settings: settingsOf(more),
      signal: stop.signal,
      onProblem: (error) => problems.push(error),
      onInvitation: (invitation) => {
        codes.push(invitation.code);
        invited.resolve(invitation);
      },
    });
    registered.catch(invited.reject);
    const { url, code } = await invited.promise;
    const end = async () => {
      stop.abort(new Error("stopped"));
      await registered.catch(() => {});
    };
    return { url, code, codes, problems, registered, visit: browser(url), end };
  }

  it("goes from the code on the terminal to a kept key, and the settings find it", async () => {
    const { code, registered, visit } = await begin();
    expect((await visit("/app")).location).toBe("/");
    expect((await visit("/code", { form: { code: code.toLowerCase() } })).location).toBe("/app");
    const { text } = await visit("/app");
    const state = /settings\/apps\/new\?state=([0-9a-f]{32})"/.exec(text)?.[1];
    const done = await visit(`/registered?code=abc123&state=${state}`);
    expect(done.status).toBe(200);
    expect(done.text).toContain(`http://${gitHubUrl}/apps/airlock-ab/installations/new`);
    expect(done.text).not.toContain("canary");
    expect(asked).toEqual(["POST /api/v3/app-manifests/abc123/conversions"]);
    expect(await registered).toMatchObject({ id: 12, owner: { id: 34, login: "Acme" } });

    const data = join(folder, "data");
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(readdirSync(data)).toEqual(["app.json"]);
    expect(statSync(join(data, "app.json")).mode & 0o777).toBe(0o600);
    const settings = settingsOf();
    expect(settings.app?.id).toBe(12);
    expect(settings.app?.privateKey.reveal()).toBe(pem);
    expect(settings.accounts).toEqual(["id:34"]);
  });

  it("sends the manifest with this installation's addresses and nothing beyond app.yml", async () => {
    const { code, url, visit, end } = await begin({ AIRLOCK_URL: "https://airlock.example.org/" });
    await visit("/code", { form: { code } });
    const { text, headers } = await visit("/app?organisation=acme");
    expect(text).toContain(`action="http://${gitHubUrl}/organizations/acme/settings/apps/new?state=`);
    const manifest = JSON.parse((/name="manifest" value="([^"]+)"/.exec(text)?.[1] ?? "").replaceAll("&quot;", '"'));
    expect(manifest).toEqual({
      name: expect.stringMatching(/^airlock-[0-9a-f]{6}$/),
      description: expect.any(String),
      public: false,
      url: "https://airlock.example.org",
      hook_attributes: { url: "https://airlock.example.org/api/github/webhooks", active: true },
      redirect_url: `${url}/registered`,
      default_permissions: {
        metadata: "read",
        contents: "write",
        pull_requests: "write",
        issues: "write",
        checks: "write",
        actions: "read",
      },
      default_events: [
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "check_run",
        "check_suite",
        "repository",
      ],
    });
    expect(headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'self'; form-action 'self' http://${gitHubUrl}; frame-ancestors 'none'; base-uri 'none'`,
    );
    expect((await visit("/app?organisation=a/../b")).status).toBe(400);
    await end();
  });

  it("takes a code once, and shows another after five wrong ones", async () => {
    const { code, codes, visit, url, end } = await begin();
    for (const _ of codes.concat("2", "3", "4", "5"))
      expect((await visit("/code", { form: { code: "AAAA-AAAA" } })).status).toBe(403);
    expect(codes).toHaveLength(2);
    expect((await visit("/code", { form: { code } })).status).toBe(403);
    expect((await visit("/code", { form: { code: `${codes[1]}` } })).status).toBe(303);
    const other = browser(url);
    expect((await other("/code", { form: { code: `${codes[1]}` } })).status).toBe(403);
    expect((await other("/code", { form: { code: "" } })).status).toBe(403);
    await end();
  });

  it("takes back only what this browser began, once", async () => {
    const { code, visit, url, problems, end } = await begin();
    await visit("/code", { form: { code } });
    const state = /state=([0-9a-f]{32})"/.exec((await visit("/app")).text)?.[1];
    expect((await browser(url)(`/registered?code=abc&state=${state}`)).status).toBe(403);
    expect((await visit(`/registered?code=abc&state=${"0".repeat(32)}`)).status).toBe(403);
    answer = { status: 404, body: {} };
    expect((await visit(`/registered?code=abc&state=${state}`)).status).toBe(502);
    expect((await visit(`/registered?code=abc&state=${state}`)).status).toBe(403);
    const again = /state=([0-9a-f]{32})"/.exec((await visit("/app")).text)?.[1];
    expect((await visit(`/registered?code=../../user&state=${again}`)).status).toBe(502);
    expect(asked).toHaveLength(1);
    expect(problems).toMatchObject([{ code: "registration.refused" }, { code: "registration.refused" }]);
    await end();
  });

  it("refuses forms of other sites", async () => {
    const { code, visit, end } = await begin();
    expect((await visit("/code", { form: { code }, headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect((await visit("/code", { form: { code } })).status).toBe(303);
    await end();
  });

  it("refuses a name that somebody pointed at this machine", async () => {
    const { url, end } = await begin();
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    request(url, { headers: { host: "evil.example" } }, (response) => resolve(response.resume().statusCode)).end();
    expect(await promise).toBe(421);
    await end();
  });

  it("keeps the key that is there", async () => {
    const first = await begin();
    await first.visit("/code", { form: { code: first.code } });
    const state = /state=([0-9a-f]{32})"/.exec((await first.visit("/app")).text)?.[1];
    await first.visit(`/registered?code=abc&state=${state}`);
    await first.registered;
    await expect(begin()).rejects.toMatchObject({ code: "settings.AIRLOCK_DATA" });
  });

  it("with WEBHOOK_POLL begins there too, and names a webhook address that is nobody's", async () => {
    const env = { AIRLOCK_DATA: `${folder}-poll`, WEBHOOK_POLL: "1", HOST: "127.0.0.1", PORT: "0" };
    const settings = readSettings({ env, cwd: folder }).settings;
    const end = new AbortController();
    const invited = Promise.withResolvers<{ url: string; code: string }>();
    const begun = registerApp({ settings, signal: end.signal, onInvitation: invited.resolve, onProblem: () => {} });
    const { url, code } = await invited.promise;
    const visit = browser(url);
    await visit("/code", { form: { code } });
    expect((await visit("/app")).text).toContain("https://airlock.invalid/api/github/webhooks");
    end.abort(new Error("the end"));
    await expect(begun).rejects.toThrow("the end");
    rmSync(env.AIRLOCK_DATA, { recursive: true });
  });

  it("does not begin where GitHub could not reach this machine", async () => {
    const settings = readSettings({ env: { AIRLOCK_DATA: folder }, cwd: folder }).settings;
    const begun = registerApp({ settings, signal: new AbortController().signal, onInvitation: () => {}, onProblem: () => {} });
    await expect(begun).rejects.toSatisfy((error) => error instanceof Fault && error.code === "settings.AIRLOCK_URL");
  });
});
