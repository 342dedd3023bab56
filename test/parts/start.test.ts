import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = resolve(import.meta.dirname, "../../src/airlock.ts");

describe("airlock start", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "start-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const start = (env: Record<string, string>, ...args: string[]) =>
    execa(process.execPath, ["--disable-warning=ExperimentalWarning", script, "start", ...args], {
      cwd: folder,
      env: { PATH: "/usr/bin:/bin", HOME: folder, AIRLOCK_DATA: join(folder, "data"), TMPDIR: tmpdir(), PORT: "0", ...env },
      extendEnv: false,
      stdin: "ignore",
      reject: false,
    });

  it("without an App invites to register one, and ends with 130 and no complaint at ctrl-c", async () => {
    const running = start({ AIRLOCK_URL: "https://airlock.example.org" });
    for await (const line of running.iterable({ from: "stderr" })) if (line.includes("enter the code")) running.kill("SIGINT");
    const { exitCode, stdout, stderr } = await running;
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: "" });
    expect(stderr).toMatch(/^[^\n]*Open http:\/\/localhost:\d+ and enter the code [A-Z2-9]{4}-[A-Z2-9]{4}$/);
  });

  it("ends with a sentence where gVisor is demanded and the engine has none", async () => {
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const env = {
      APP_ID: "7",
      PRIVATE_KEY: privateKey,
      WEBHOOK_SECRET: "not-a-secret-at-all",
      ANTHROPIC_API_KEY: "none",
      AIRLOCK_ACCOUNTS: "acme",
    };
    const { exitCode, stdout, stderr } = await start({ ...env, AIRLOCK_RUNTIME: "runsc" }, "--json");
    expect({ exitCode, stdout }).toEqual({ exitCode: 69, stdout: "" });
    expect(JSON.parse(stderr.split("\n").at(-1) ?? "")).toMatchObject({
      error: { code: "engine.runtime", message: expect.stringContaining("no runtime of the name runsc") },
    });
  }, 300_000);

  it("ends with 78 and names the setting that is wrong", async () => {
    const { exitCode, stdout, stderr } = await start({ APP_ID: "seven" }, "--json");
    expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: "" });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "settings.APP_ID", message: "APP_ID is not a number" } });
  });
});
