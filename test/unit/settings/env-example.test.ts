import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { guide } from "../../../src/settings/guide.ts";
import { values } from "../../../src/settings/values.ts";
import { readSettings } from "../../../src/settings.ts";

const example = resolve(import.meta.dirname, "../../../.env.example");
const folder = mkdtempSync(join(tmpdir(), "env-example-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe(".env.example", () => {
  it("names every setting, and no other", () => {
    const secrets = [
      "PRIVATE_KEY_PATH",
      "WEBHOOK_SECRET",
      "WEBHOOK_SECRET_OLD",
      "ANTHROPIC_API_KEY",
      "CLAUDE_CODE_OAUTH_TOKEN",
      "DATABASE_URL",
    ];
    expect(Object.keys(parseEnv(readFileSync(example, "utf8"))).sort()).toEqual(
      [...Object.keys(values), ...secrets, "AIRLOCK_DATA"].sort(),
    );
  });

  it("is a valid .env as it stands, and says what the defaults are", () => {
    copyFileSync(example, join(folder, ".env"));
    const env = { AIRLOCK_DATA: join(folder, "data") };
    expect(readSettings({ env, cwd: folder })).toEqual(readSettings({ env, cwd: join(folder, "elsewhere") }));
  });
});

describe("the guide", () => {
  it("says of every setting where to get it", () => {
    const free = ["NO_PROXY"];
    expect(Object.keys(values).filter((name) => !guide[name] && !free.includes(name))).toEqual([]);
  });
});
