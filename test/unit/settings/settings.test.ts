import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { exitCodeOf, Fault } from "../../../src/fault.ts";
import { instanceOf } from "../../../src/settings/place.ts";
import { childEnvironment, readSettings, requireComplete, setupEnvironment } from "../../../src/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "settings-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pem = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;
const app = { APP_ID: "7", PRIVATE_KEY: pem, WEBHOOK_SECRET: "a-long-webhook-secret" };
const base = { AIRLOCK_DATA: join(folder, "data") };

function read(env: Record<string, string>, files: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(folder, "cwd-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return readSettings({ env: { ...base, ...env }, cwd });
}

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("settings", () => {
  it("have the defaults of Probot where it has some", () => {
    const { settings } = read({});
    expect(settings.web).toEqual({ host: "localhost", port: 3000, publicUrl: "http://localhost:3000" });
    expect(settings.github).toEqual({
      host: "github.com",
      protocol: "https",
      apiUrl: "https://api.github.com",
      webUrl: "https://github.com",
      webhookPath: "/api/github/webhooks",
    });
    expect(settings.limits).toEqual({
      concurrency: 2,
      minutes: 60,
      memoryBytes: 4 * 1024 ** 3,
      budgetMicroUsd: 10_000_000,
      budgetTokens: undefined,
      caps: [],
      modelCallsAtOnce: 8,
      modelCallsPerMinute: 60,
      cpus: 2,
      processes: 1024,
      diskBytes: 8 * 1024 ** 3,
      diskFiles: 1_000_000,
      outputBytes: 64 * 1024 ** 2,
      stallMinutes: 10,
      loopCalls: 8,
      attempts: 3,
      waitHours: 24,
    });
    expect(settings.app).toBeUndefined();
  });

  it("look for missed deliveries every five minutes, and with WEBHOOK_POLL every fifteen seconds or as often as is said", () => {
    expect(read(app).settings.poll).toEqual({ only: false, everyMs: 300_000 });
    expect(read({ ...app, WEBHOOK_POLL_SECONDS: "5" }).settings.poll).toEqual({ only: false, everyMs: 300_000 });
    expect(read({ ...app, WEBHOOK_POLL: "1" }).settings.poll).toEqual({ only: true, everyMs: 15_000 });
    expect(read({ ...app, WEBHOOK_POLL: "1", WEBHOOK_POLL_SECONDS: "60" }).settings.poll.everyMs).toBe(60_000);
  });

  it("need no webhook secret with WEBHOOK_POLL alone, and have one then that nobody knows", () => {
    const { WEBHOOK_SECRET: _, ...rest } = app;
    const [first, second] = [1, 2].map(() => read({ ...rest, WEBHOOK_POLL: "1" }).settings.app?.webhookSecret.reveal());
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(first).not.toBe(second);
    expect(faultOf(() => read({ ...rest, WEBHOOK_POLL: "0" })).code).toBe("settings.WEBHOOK_SECRET");
  });

  it("come from .env, and the environment wins", () => {
    const { settings } = read({ PORT: "4000" }, { ".env": "PORT=5000\nHOST=0.0.0.0\n" });
    expect(settings.web).toMatchObject({ port: 4000, host: "0.0.0.0" });
  });

  it("treat an empty value as none, as a copied .env.example has it", () => {
    expect(read({ PORT: "", APP_ID: "" }).settings.web.port).toBe(3000);
  });

  it.each([
    ["as PEM", pem],
    ["with \\n written out", pem.replaceAll("\n", "\\n")],
    ["on one line", pem.replaceAll("\n", " ")],
    ["in base64", Buffer.from(pem).toString("base64")],
    [
      "in wrapped base64",
      Buffer.from(pem)
        .toString("base64")
        .replace(/(.{76})/g, "$1\n"),
    ],
  ])("take the private key %s", (_, PRIVATE_KEY) => {
    expect(read({ ...app, PRIVATE_KEY }).settings.app?.privateKey.reveal()).toBe(pem);
  });

  it.each(["PRIVATE_KEY_PATH", "PRIVATE_KEY_FILE"])(
    "take the private key from the file that %s names, relative to the working folder",
    (name) => {
      const { PRIVATE_KEY: _, ...rest } = app;
      expect(read({ ...rest, [name]: "key.pem" }, { "key.pem": pem }).settings.app?.privateKey.reveal()).toBe(pem);
    },
  );

  it("never take a key that merely lies in the working folder", () => {
    const { PRIVATE_KEY: _, ...rest } = app;
    expect(faultOf(() => read(rest, { "lone.pem": pem })).code).toBe("settings.PRIVATE_KEY");
  });

  it("take each secret from a file too, without its line end", () => {
    const { WEBHOOK_SECRET: _, ...rest } = app;
    const { settings } = read(
      { ...rest, WEBHOOK_SECRET_FILE: "hook", ANTHROPIC_API_KEY_FILE: "key" },
      { hook: "another-long-secret\n", key: "sk-test\r\n" },
    );
    expect(settings.app?.webhookSecret.reveal()).toBe("another-long-secret");
    expect(settings.model.credential).toMatchObject({ kind: "api-key" });
    expect(settings.model.credential?.value.reveal()).toBe("sk-test");
  });

  it("take the webhook secret before this one beside it, and say so as long as it is there", () => {
    expect(read(app).settings.app?.oldWebhookSecret).toBeUndefined();
    const { settings, warnings } = read({ ...app, WEBHOOK_SECRET_OLD_FILE: "old" }, { old: "the-one-before-it\n" });
    expect(settings.app?.oldWebhookSecret?.reveal()).toBe("the-one-before-it");
    expect(settings.app?.webhookSecret.reveal()).toBe(app.WEBHOOK_SECRET);
    expect(warnings).toEqual([expect.stringMatching(/^WEBHOOK_SECRET_OLD is set/)]);
    expect(JSON.stringify(settings)).not.toContain("the-one-before-it");
  });

  it("keep runs from beginning on a disk that is 85 percent full, and code for 30 days after its last use", () => {
    expect(read({}).settings.disk).toEqual({ boundPercent: 85, codeMs: 30 * 86_400_000 });
    const other = read({ AIRLOCK_DISK_BOUND: "70", AIRLOCK_KEEP_CODE_DAYS: "7" }).settings.disk;
    expect(other).toEqual({ boundPercent: 70, codeMs: 7 * 86_400_000 });
    expect(read({ AIRLOCK_DISK_BOUND: "none" }).settings.disk.boundPercent).toBeUndefined();
    for (const AIRLOCK_DISK_BOUND of ["0", "100", "85%", "-1"])
      expect(faultOf(() => read({ AIRLOCK_DISK_BOUND })).code).toBe("settings.AIRLOCK_DISK_BOUND");
  });

  it("take rules for paths from a file, and say which of them loosen something", () => {
    const { settings, warnings } = read({ AIRLOCK_PATHS_FILE: "paths" }, { paths: "infra/**=refuse\ndocs/**=allow\n" });
    expect(settings.publish.paths.map(({ action }) => action)).toEqual(["refuse", "allow"]);
    expect(warnings).toEqual([expect.stringMatching(/allow for docs/)]);
    const fault = faultOf(() => read({ AIRLOCK_PATHS: "infra/**=deny" }));
    expect([fault.code, fault.message]).toEqual(["settings.AIRLOCK_PATHS", expect.stringMatching(/infra.*none of allow/)]);
  });

  it("let a file named in the environment beat a value in .env", () => {
    const { settings } = read({ ANTHROPIC_API_KEY_FILE: "key" }, { ".env": "ANTHROPIC_API_KEY=sk-old", key: "sk-new" });
    expect(settings.model.credential?.value.reveal()).toBe("sk-new");
  });

  it.each([
    ["APP_ID", { APP_ID: "seven" }],
    ["PRIVATE_KEY", { APP_ID: "7", WEBHOOK_SECRET: app.WEBHOOK_SECRET }],
    ["PRIVATE_KEY", { ...app, PRIVATE_KEY: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----" }],
    ["PRIVATE_KEY", { ...app, PRIVATE_KEY: "no key" }],
    ["WEBHOOK_SECRET", { APP_ID: "7", PRIVATE_KEY: pem }],
    ["WEBHOOK_SECRET", { ...app, WEBHOOK_SECRET: "short" }],
    ["WEBHOOK_SECRET", { ...app, WEBHOOK_SECRET: "short", WEBHOOK_POLL: "1" }],
    ["WEBHOOK_SECRET_OLD", { ...app, WEBHOOK_SECRET_OLD: "short" }],
    ["WEBHOOK_POLL", { ...app, WEBHOOK_POLL: "yes" }],
    ["WEBHOOK_POLL_SECONDS", { ...app, WEBHOOK_POLL: "1", WEBHOOK_POLL_SECONDS: "1" }],
    ["WEBHOOK_SECRET", { ...app, WEBHOOK_SECRET_FILE: "/nowhere" }],
    ["WEBHOOK_SECRET", { APP_ID: "7", PRIVATE_KEY: pem, WEBHOOK_SECRET_FILE: "/nowhere" }],
    ["PORT", { PORT: "70000" }],
    ["PORT", { PORT: "http" }],
    ["GHE_HOST", { GHE_HOST: "https://github.example.org" }],
    ["GHE_PROTOCOL", { GHE_HOST: "github.example.org", GHE_PROTOCOL: "http" }],
    ["WEBHOOK_PATH", { WEBHOOK_PATH: "hooks?x=1" }],
    ["LOG_LEVEL", { LOG_LEVEL: "loud" }],
    ["ANTHROPIC_BASE_URL", { ANTHROPIC_BASE_URL: "http://models.example.org" }],
    ["ANTHROPIC_BASE_URL", { ANTHROPIC_BASE_URL: "https://user:pass@models.example.org" }],
    ["ANTHROPIC_API_KEY", { ANTHROPIC_API_KEY: "sk-test\nx-evil: 1" }],
    ["AIRLOCK_URL", { AIRLOCK_URL: "airlock.example.org" }],
    ["AIRLOCK_ACCOUNTS", { AIRLOCK_ACCOUNTS: "acme, not an account" }],
    ["AIRLOCK_ACCOUNTS", { AIRLOCK_ACCOUNTS: " , " }],
    ["AIRLOCK_BUDGET_USD", { AIRLOCK_BUDGET_USD: "20" }],
    ["AIRLOCK_BUDGET_USD", { AIRLOCK_BUDGET_USD: "0/day" }],
    ["AIRLOCK_BUDGET_USD", { AIRLOCK_BUDGET_USD: "20/day,30/day" }],
    ["AIRLOCK_BUDGET_USD", { AIRLOCK_BUDGET_USD: "20/day,19.9999/month" }],
    ["AIRLOCK_BUDGET_USD", { AIRLOCK_BUDGET_USD: "none,20/day" }],
    ["AIRLOCK_REPOSITORY_BUDGET_USD", { AIRLOCK_REPOSITORY_BUDGET_USD: "20/day 300/month" }],
    ["AIRLOCK_REPOSITORY_BUDGET_USD", { AIRLOCK_REPOSITORY_BUDGET_USD: "$20/day" }],
    ["AIRLOCK_REPOSITORY_BUDGET_USD", { AIRLOCK_REPOSITORY_BUDGET_USD: "20/week" }],
    ["AIRLOCK_ACTOR_BUDGET_USD", { AIRLOCK_ACTOR_BUDGET_USD: "1e3/day" }],
    ["AIRLOCK_ACTOR_BUDGET_USD", { AIRLOCK_ACTOR_BUDGET_USD: "20/day," }],
    ["AIRLOCK_ACTOR_BUDGET_USD", { AIRLOCK_ACTOR_BUDGET_USD: "0.00001/day" }],
    ["AIRLOCK_MEMORY", { AIRLOCK_MEMORY: "4" }],
    ["AIRLOCK_MEMORY", { AIRLOCK_MEMORY: "64m" }],
    ["AIRLOCK_CPUS", { AIRLOCK_CPUS: "0" }],
    ["AIRLOCK_PIDS", { AIRLOCK_PIDS: "10" }],
    ["AIRLOCK_DISK", { AIRLOCK_DISK: "8" }],
    ["AIRLOCK_INODES", { AIRLOCK_INODES: "9999" }],
    ["AIRLOCK_OUTPUT", { AIRLOCK_OUTPUT: "512k" }],
    ["AIRLOCK_STALL_MINUTES", { AIRLOCK_STALL_MINUTES: "0" }],
    ["AIRLOCK_LOOP_CALLS", { AIRLOCK_LOOP_CALLS: "2" }],
    ["AIRLOCK_ATTEMPTS", { AIRLOCK_ATTEMPTS: "0" }],
    ["AIRLOCK_WAIT_HOURS", { AIRLOCK_WAIT_HOURS: "1000" }],
    ["AIRLOCK_RUNTIME", { AIRLOCK_RUNTIME: "kata" }],
    ["AIRLOCK_IMAGE", { AIRLOCK_IMAGE: "acme/sandbox" }],
    ["AIRLOCK_CONCURRENCY", { AIRLOCK_CONCURRENCY: "0" }],
    ["AIRLOCK_DEADLINE_MINUTES", { AIRLOCK_DEADLINE_MINUTES: "1500" }],
    ["NODE_EXTRA_CA_CERTS", { NODE_EXTRA_CA_CERTS: "/nowhere/ca.pem" }],
  ])("name %s where it is wrong, say where to get it, and exit with 78", (name, env) => {
    const fault = faultOf(() => read(env));
    expect(fault.code).toBe(`settings.${name}`);
    expect(fault.message).toContain(name);
    expect(fault.message).not.toContain("\n");
    expect(fault.remedy.length).toBeGreaterThan(10);
    expect(exitCodeOf(fault)).toBe(78);
  });

  it("take what may be spent over all runs, by day, by month, or both, in millionths of a dollar", () => {
    const { settings } = read({
      AIRLOCK_BUDGET_USD: "20/day, 300/month",
      AIRLOCK_REPOSITORY_BUDGET_USD: "12.3456/month",
      AIRLOCK_ACTOR_BUDGET_USD: "none",
    });
    expect(settings.limits.caps).toEqual([
      { scope: "deployment", per: "day", microUsd: 20_000_000 },
      { scope: "deployment", per: "month", microUsd: 300_000_000 },
      { scope: "repository", per: "month", microUsd: 12_345_600 },
    ]);
  });

  it("never show a secret, in a fault or in print", () => {
    const secrets = { ANTHROPIC_API_KEY: "sk-canary-1", WEBHOOK_SECRET: "canary-webhook-secret" };
    const { settings } = read({ ...app, ...secrets, HTTPS_PROXY: "http://user:canary@proxy:3128" });
    const printed = [
      inspect(settings, { depth: null, showHidden: true }),
      JSON.stringify(settings),
      `${settings.model.credential?.value}`,
    ].join();
    expect(printed).not.toMatch(/canary|PRIVATE KEY/);
    const fault = faultOf(() => read({ ...app, PRIVATE_KEY: "canary", WEBHOOK_SECRET: "canary-webhook-secret" }));
    expect(inspect(fault, { depth: null })).not.toContain("canary");
  });

  it("say what GitHub's three layouts make of the host", () => {
    expect(read({ GHE_HOST: "github.example.org" }).settings.github).toMatchObject({
      apiUrl: "https://github.example.org/api/v3",
      webUrl: "https://github.example.org",
    });
    expect(read({ GHE_HOST: "acme.ghe.com" }).settings.github.apiUrl).toBe("https://api.acme.ghe.com");
    expect(read({ GHE_HOST: "127.0.0.1:4711", GHE_PROTOCOL: "http" }).settings.github.apiUrl).toBe(
      "http://127.0.0.1:4711/api/v3",
    );
  });

  it("warn of names that have no effect here", () => {
    const { warnings } = read({
      WEBHOOK_PROXY_URL: "https://smee.io/x",
      AIRLOCK_CONCURENCY: "3",
      ANTHROPIC_API_KEY: "a",
      CLAUDE_CODE_OAUTH_TOKEN: "b",
    });
    expect(warnings.map((warning) => warning.split(" ")[0])).toEqual([
      "CLAUDE_CODE_OAUTH_TOKEN",
      "WEBHOOK_PROXY_URL",
      "AIRLOCK_CONCURENCY",
    ]);
  });

  it("are complete only with App, accounts and a model credential", () => {
    const missing = (env: Record<string, string>) => faultOf(() => requireComplete(read(env).settings)).code;
    expect(missing({})).toBe("settings.APP_ID");
    expect(missing({ ...app })).toBe("settings.AIRLOCK_ACCOUNTS");
    expect(missing({ ...app, AIRLOCK_ACCOUNTS: "Acme" })).toBe("settings.ANTHROPIC_API_KEY");
    expect(
      requireComplete(read({ ...app, AIRLOCK_ACCOUNTS: "Acme,id:12", CLAUDE_CODE_OAUTH_TOKEN: "t" }).settings).accounts,
    ).toEqual(["acme", "id:12"]);
  });
});

describe("the data folder", () => {
  it("gives one instance by whatever path it is reached, made or not", () => {
    const made = mkdtempSync(join(folder, "made-"));
    symlinkSync(made, join(folder, "link"));
    expect(instanceOf(join(folder, "link"))).toBe(instanceOf(made));
    expect(instanceOf(join(folder, "link", "later"))).toBe(instanceOf(join(made, "later")));
    expect(instanceOf(made)).not.toBe(instanceOf(join(made, "later")));
    expect(instanceOf(made)).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe("the environment of children", () => {
  it("holds no secret, nor a proxy's password", () => {
    const env = {
      PATH: "/bin",
      ANTHROPIC_API_KEY: "canary",
      WEBHOOK_SECRET: "canary",
      HTTPS_PROXY: "http://user:canary@proxy:3128",
      HTTP_PROXY: "http://proxy:3128",
      NPM_TOKEN: "canary",
    };
    expect(childEnvironment(env)).toEqual({ PATH: "/bin", HTTP_PROXY: "http://proxy:3128" });
  });

  it("has the proxy and the authorities of .env where the machine is prepared", () => {
    const cwd = mkdtempSync(join(folder, "cwd-"));
    writeFileSync(
      join(cwd, ".env"),
      "HTTPS_PROXY=http://proxy:3128\nNODE_EXTRA_CA_CERTS=ca.pem\nNO_PROXY=host\nWEBHOOK_SECRET=canary\n",
    );
    expect(setupEnvironment({ env: { PATH: "/bin", NO_PROXY: "other" }, cwd })).toEqual({
      ...{ PATH: "/bin", HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "other", NODE_EXTRA_CA_CERTS: join(cwd, "ca.pem") },
    });
  });

  it("take hosts for tunnels in their one spelling, and none that a proxy would look up again", () => {
    expect(read({}).settings.tunnelHosts).toEqual([]);
    expect(read({ AIRLOCK_CONNECT: "docs.example.org api.example.org" }).settings.tunnelHosts).toEqual([
      "docs.example.org",
      "api.example.org",
    ]);
    const odd = faultOf(() => read({ AIRLOCK_CONNECT: "docs.example.org,Api.example.org" }));
    expect(odd.code).toBe("settings.AIRLOCK_CONNECT");
    expect(odd.message).toContain("small letters (api.example.org)");
    const proxied = { HTTPS_PROXY: "http://proxy.example.org:3128", AIRLOCK_CONNECT: "docs.example.org" };
    const behind = faultOf(() => read(proxied));
    expect([behind.code, behind.remedy]).toEqual([
      "settings.AIRLOCK_CONNECT",
      expect.stringContaining("add docs.example.org to NO_PROXY"),
    ]);
    expect(read({ ...proxied, NO_PROXY: "localhost,docs.example.org" }).settings.tunnelHosts).toEqual(["docs.example.org"]);
  });
});
