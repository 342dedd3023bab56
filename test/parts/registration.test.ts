import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAppAuth } from "@octokit/auth-app";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalGitHub, startLocalGitHub } from "../../src/local/github/start.ts";
import { readSettings } from "../../src/settings.ts";
import { registerApp } from "../../src/setup/register.ts";

/** What a person's browser does here: keeps cookies by host, sends the first form of a page, follows redirects. */
function browser() {
  const cookies = new Map<string, string>();
  let page = { url: "", text: "", status: 0 };
  async function go(address: string, form?: URLSearchParams): Promise<void> {
    const { host } = new URL(address);
    const headers = { cookie: cookies.get(host) ?? "", ...(form && page.url ? { origin: new URL(page.url).origin } : {}) };
    const response = await fetch(address, { redirect: "manual", headers, ...(form ? { method: "POST", body: form } : {}) });
    const cookie = response.headers.get("set-cookie")?.split(";")[0];
    if (cookie) cookies.set(host, cookie);
    const location = response.headers.get("location");
    if (location) return go(new URL(location, address).href);
    page = { url: address, text: await response.text(), status: response.status };
  }
  async function submit(fill: Record<string, string> = {}): Promise<void> {
    const [, action = "", inside = ""] = /<form method="post" action="([^"]+)">([\s\S]*?)<\/form>/.exec(page.text) ?? [];
    const fields = [...inside.matchAll(/<input[^>]*? name="([^"]+)"(?:[^>]*? value="([^"]*)")?/g)];
    const form = new URLSearchParams(fields.map(([, name = "", value = ""]): [string, string] => [name, decoded(value)]));
    for (const [name, value] of Object.entries(fill)) form.set(name, value);
    await go(new URL(decoded(action), page.url).href, form);
  }
  return { go, submit, page: () => page };
}

function decoded(text: string): string {
  return text
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

describe("registration at the local GitHub", () => {
  let folder: string;
  let github: LocalGitHub;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "registration-"));
    github = await startLocalGitHub({ folder: join(folder, "github") });
  });
  afterAll(async () => {
    await github.close();
    await rm(folder, { recursive: true });
  });

  it.each(["", "acme"])("makes an App whose key is good (organisation: '%s')", async (organisation) => {
    const env = {
      AIRLOCK_DATA: join(folder, `data-${organisation}`),
      GHE_HOST: github.host,
      GHE_PROTOCOL: "http",
      HOST: "127.0.0.1",
      PORT: "0",
      AIRLOCK_URL: "http://127.0.0.1:9",
    };
    const read = () => readSettings({ env, cwd: folder }).settings;
    const invited = Promise.withResolvers<{ url: string; code: string }>();
    const problems: unknown[] = [];
    const registered = registerApp({
      settings: read(),
      onInvitation: invited.resolve,
      onProblem: (error) => problems.push(error),
      signal: AbortSignal.timeout(20_000),
    });
    const person = browser();
    const { url, code } = await invited.promise;
    await person.go(url);
    await person.submit({ code });
    if (organisation) await person.go(`${url}/app?organisation=${organisation}`);
    await person.submit();
    expect(person.page().text).toContain("Create GitHub App airlock-");
    await person.submit();
    expect(problems).toEqual([]);
    expect(person.page().text).toContain("/installations/new");

    const { slug } = await registered;
    const { app, accounts } = read();
    if (!app) throw new Error("the settings do not find the App");
    const { token } = await createAppAuth({ appId: app.id, privateKey: app.privateKey.reveal() })({ type: "app" });
    const answer = await fetch(`${github.api}/app`, { headers: { authorization: `Bearer ${token}` } });
    const told = (await answer.json()) as { slug: string; owner: { id: number; login: string }; permissions: object };
    expect(told).toMatchObject({ slug, permissions: { contents: "write", checks: "write", metadata: "read" } });
    expect(told.owner.login).toBe(organisation || "maintainer");
    expect(accounts).toEqual([`id:${told.owner.id}`]);
  });
});
