import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalGitHub, startLocalGitHub } from "../../src/local/github/start.ts";

const airlock = join(import.meta.dirname, "../../src/airlock.ts");
let folder: string;
let github: LocalGitHub;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "token-"));
  github = await startLocalGitHub({ folder: join(folder, "github"), app: { webhookSecret: "a long enough secret" } });
});
afterAll(async () => {
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

const base = () => ({
  PATH: process.env.PATH ?? "",
  APP_ID: String(github.app.id),
  GHE_HOST: github.host,
  GHE_PROTOCOL: "http",
  AIRLOCK_DATA: join(folder, "data"),
});
const run = (args: string[], options: { env?: Record<string, string>; input?: string } = {}) =>
  execa(process.execPath, [airlock, "token", ...args], {
    cwd: folder,
    extendEnv: false,
    env: { ...base(), PRIVATE_KEY: github.app.privateKey, ...options.env },
    input: options.input ?? "",
    reject: false,
  });
const may = async (token: string, method: string, path: string, body?: unknown) =>
  (
    await fetch(`${github.api}${path}`, {
      method,
      headers: { authorization: `token ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).status;

describe("airlock token mint", () => {
  it("prints the token alone, which may do what was asked for and no more, until it is revoked", async () => {
    const { stdout, stderr, exitCode } = await run(["mint", "--repo", "acme/shop", "--permission", "issues=write"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ghs_\w+$/);
    expect(await may(stdout, "POST", "/repos/acme/shop/issues", { title: "by a script" })).toBe(201);
    expect(await may(stdout, "PUT", "/repos/acme/shop/contents/x.txt", { message: "x", content: "eA==" })).toBe(403);
    expect((await run(["revoke"], { input: `${stdout}\n` })).exitCode).toBe(0);
    expect(await may(stdout, "POST", "/repos/acme/shop/issues", { title: "again" })).toBe(401);
    expect(await run(["revoke", "--json"], { input: stdout })).toMatchObject({
      exitCode: 0,
      stdout: '{"revoked":true}',
      stderr: expect.stringContaining("dead already"),
    });
  });

  it("tells with --json when it ends, within an hour", async () => {
    const { stdout } = await run(["mint", "--repo", "acme/shop", "--permission", "contents=read", "--json"]);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ repository: "acme/shop", permissions: { contents: "read" } });
    expect(Date.parse(told.expiresAt) - Date.now()).toBeLessThanOrEqual(3_600_000);
    await run(["revoke"], { input: told.token });
  });

  it("takes the key from a file or from a command, without a shell and without a trace on disk", async () => {
    const file = join(folder, "key.pem");
    await writeFile(file, github.app.privateKey, { mode: 0o600 });
    const ways: Record<string, string>[] = [
      { PRIVATE_KEY: "", PRIVATE_KEY_PATH: file },
      { PRIVATE_KEY: "", AIRLOCK_KEY_COMMAND: JSON.stringify(["cat", file]) },
    ];
    for (const env of ways) {
      const { stdout, exitCode } = await run(["mint", "--repo", "acme/shop", "--permission", "contents=read"], { env });
      expect(exitCode).toBe(0);
      await run(["revoke"], { input: stdout });
    }
    const injected = await run(["mint", "--repo", "acme/shop"], {
      env: { PRIVATE_KEY: "", AIRLOCK_KEY_COMMAND: `cat ${file}; touch marker` },
    });
    expect(injected).toMatchObject({ exitCode: 78, stdout: "" });
    const failed = await run(["mint", "--repo", "acme/shop"], { env: { PRIVATE_KEY: "", AIRLOCK_KEY_COMMAND: '["false"]' } });
    expect(failed).toMatchObject({ exitCode: 78, stderr: expect.stringContaining("exit code 1") });
  });

  it("names the permission that the App lacks, and where to grant it", async () => {
    const { stderr, stdout, exitCode } = await run(["mint", "--repo", "acme/shop", "--permission", "administration=write"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(/Administration: read and write/);
    expect(stderr).toMatch(/Permissions & events/);
  });

  it("refuses what is no repository, no permission, no installation, no key", async () => {
    expect((await run(["mint", "--repo", "acme"])).exitCode).toBe(2);
    expect((await run(["mint", "--repo", "acme/shop", "--permission", "contents=admin"])).exitCode).toBe(2);
    expect((await run(["mint", "--repo", "acme/none"])).stderr).toContain("not installed");
    expect((await run(["mint", "--repo", "acme/shop"], { env: { PRIVATE_KEY: "" } })).exitCode).toBe(78);
    expect((await run(["revoke"], { input: "no" })).exitCode).toBe(2);
  });

  it("warns of an App that holds dangerous powers", async () => {
    const app = github.world.installations[0]?.app;
    if (!app) throw new Error("the local GitHub has no App");
    const before = app.permissions;
    app.permissions = { ...before, administration: "write", organization_secrets: "write" };
    const { stderr, stdout } = await run(["mint", "--repo", "acme/shop", "--permission", "contents=read"]);
    app.permissions = before;
    expect(stderr).toContain("administration: write, organization_secrets: write");
    await run(["revoke"], { input: stdout });
  });

  it("leaves no token alive in these tests", () => {
    expect(github.state().tokens.live).toBe(0);
    expect(github.state().invalidResponses).toEqual([]);
  });
});
