import { describe, expect, it } from "vitest";
import { findSecretReasons, readAddedLines } from "../../../src/publish/scan/reasons.ts";
import { scanLines } from "../../../src/publish/scan/scan.ts";

const a = (count: number) => "aB3dE5gH7jK9".repeat(20).slice(0, count);
const scan = async (...texts: string[]) =>
  (
    (await scanLines(
      texts.map((text, i) => ({ path: "x.txt", line: i + 1, text })),
      30_000,
    )) ?? []
  ).map(({ at, kind }) => ({ line: at.line, kind }));

describe("the search for secrets", () => {
  it.each([
    ["Anthropic's", `sk-ant-oat01-${a(60)}`],
    ["GitHub's refresh token", `ghr_${a(40)}`],
    ["GitHub's token", `ghp_${a(36)}`],
    ["Amazon's", "AKIAQWERTYUIOPASDFGH"],
    ["Google's", `AIza${a(35)}`],
    ["PyPI's", `pypi-AgEIcHlwaS5vcmc${a(70)}`],
    ["a bare JWT", `eyJ${a(20)}.eyJ${a(30)}.${a(40)}`],
    ["npm's", `npm_${a(36)}`],
    ["Slack's", `xoxb-${"1".repeat(12)}-${"2".repeat(12)}-${a(24)}`],
    ["a password in an address", "postgres://me:sesame123@db.example.com/x"],
  ])("finds %s, and no comment keeps it from that", async (_, secret) => {
    const found = await scan("// secretlint-disable", "/* secretlint-disable */", `key = "${secret}"`, "// secretlint-enable");
    expect(found).toContainEqual({ line: 3, kind: expect.any(String) });
  });

  it("finds a private key over its lines, and one in UTF-16", async () => {
    const key = ["-----BEGIN RSA PRIVATE KEY-----", ...Array.from({ length: 5 }, () => a(64)), "-----END RSA PRIVATE KEY-----"];
    expect((await scan("x", ...key))[0]?.line).toBe(2);
    expect(await scan([...`ghp_${a(36)}`].join("\0"))).toHaveLength(1);
  });

  it("lets plain text go", async () => {
    expect(await scan("const token = process.env.TOKEN;", "sha256-abcdef", "https://example.com/a?b=c")).toEqual([]);
  });

  it("gives up on what takes too long, and says so", async () => {
    expect(await scanLines([{ path: "x", line: 1, text: "x" }], 0)).toBeUndefined();
  });

  it("shows no more of a secret than its beginning", async () => {
    const [leak] = (await scanLines([{ path: "x", line: 1, text: `ghp_${a(36)}` }], 30_000)) ?? [];
    expect(leak?.shown).toBe("ghp_…");
  });
});

describe("work of more lines than the App has room for", () => {
  const read = (count: number) => {
    const diff = `diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,${count} @@\n${"+\n".repeat(count)}`;
    const git = { git: async () => ({ exitCode: 0, stdout: Buffer.from(diff), stderr: "", truncated: false }) };
    const work = { tip: "b", commits: [{ sha: "b", parents: ["a"] }], chain: true, changes: [] };
    return readAddedLines(git as never, "run" as never, { base: "a" as never, work: work as never });
  };

  it("[24] is not taken apart, and waits for a person", async () => {
    expect((await read(200_000))?.[0]?.lines).toHaveLength(200_000);
    const unread = await read(300_000);
    expect(unread).toBeUndefined();
    expect((await findSecretReasons(unread))[0]?.code).toBe("publish.unscanned");
  });
});
