import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, describe, expect, it } from "vitest";
import { planFirewall, printRuleset } from "../../../src/sandbox/firewall.ts";

const script = join(import.meta.dirname, "../../../sandbox/init-firewall.sh");
const template = readFileSync(join(import.meta.dirname, "../../../sandbox/firewall.nft"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "airlock-init-firewall-"));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  execa(script, args, { env: { PATH: process.env.PATH ?? "" }, extendEnv: false, reject: false, timeout: 20_000 });
const metaFile = (text: string) => {
  const path = join(folder, "meta.json");
  writeFileSync(path, text);
  return path;
};

/** `count` ranges of 2^size addresses, one after the other from 192.0.2.0 or, where they are wide, from 11.0.0.0. */
const row = (count: number, bits: number) =>
  Array.from({ length: count }, (_, index) => {
    const first = (bits < 24 ? 11 * 2 ** 24 : 192 * 2 ** 24 + 2 * 2 ** 8) + index * 2 ** (32 - bits);
    return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${bits}`;
  });

/** One grammar, written in bash and in TypeScript: both are held to the same answers. */
const cases: [string, Record<string, unknown>, Record<string, string[]>, number[]][] = [
  [
    "what GitHub says",
    { api: ["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"], git: ["198.51.100.4/31"], web: [] },
    { "a.test": [] },
    [443],
  ],
  [
    "holes for pages",
    { web: ["192.0.2.0/24"], pages: ["192.0.2.7/32", "192.0.2.0/30", "192.0.2.254/31"], actions: ["203.0.113.0/24"] },
    {},
    [443],
  ],
  [
    "what must not be opened",
    {
      api: [
        "0.0.0.0/0",
        "9.0.0.0/15",
        "10.0.0.0/24",
        "127.0.0.1/32",
        "169.254.169.254",
        "224.0.0.1",
        "192.0.2.010",
        "1.2.3.4/33",
        5,
        null,
      ],
      git: "x",
      web: ["198.51.100.0/24"],
    },
    { "b.test": ["192.0.2.1", "192.168.0.1", "172.31.0.1"] },
    [8443, 443],
  ],
  [
    "thousands of ranges, in no order, longer than an argument may be",
    { web: row(8_000, 32).reverse(), actions: row(9_000, 24), api: ["203.0.113.0/24"] },
    { "e.test": ["192.0.2.1"] },
    [443],
  ],
  [
    "what a shell, nft or jq would act on",
    {
      api: [
        "192.0.2.0/24; drop",
        "$(touch /tmp/x)",
        "`id`",
        "192.0.2.1 }",
        "192.0.2.9\n198.51.100.1",
        "@allowed",
        "",
        "192.0.2.4/32",
      ],
      git: [["192.0.2.8"], { a: "192.0.2.9" }, true, 1e300, "::ffff:192.0.2.10", "fe80::/10", "0300.0.2.1", "192.0.2.11/-1"],
    },
    { "f.test": ["192.0.2.1; x", "192.0.2.2"] },
    [443],
  ],
  [
    "duplicates and neighbours",
    { api: ["192.0.2.1", "192.0.2.1", "192.0.2.2"] },
    { "c.test": ["192.0.2.3", "192.0.2.0"], "D.test": ["192.0.2.3"] },
    [443],
  ],
];

describe("init-firewall.sh", () => {
  it.each(cases)("prints the rules that the App would load: %s", async (_, meta, addresses, ports) => {
    const hosts = Object.entries(addresses).flatMap(([name, list]) => ["--host", `${name}=${list.join(",")}`]);
    const { stdout, exitCode } = await run(
      "--print",
      ...["--meta", metaFile(JSON.stringify(meta))],
      ...(hosts.length > 0 ? hosts : ["--host", "none.test="]),
      ...ports.flatMap((port) => ["--port", `${port}`]),
    );
    expect(exitCode).toBe(0);
    expect(stdout.trim()).toBe(printRuleset(template, planFirewall({ meta, addresses, ports, privateToo: false })).trim());
  });

  it("says what it left out", async () => {
    const meta = { api: ["192.0.2.0/24", "0.0.0.0/0", "10.1.2.3", "x", "2001:db8::/32"] };
    const { stderr, exitCode } = await run("--print", "--meta", metaFile(JSON.stringify(meta)), "--host", "a.test=192.0.2.1");
    expect(exitCode).toBe(0);
    expect(stderr).toContain("3 of GitHub's ranges are left out");
  });

  it.each([
    ["a meta file that is no object", () => ["--meta", metaFile("[]"), "--host", "a.test=192.0.2.1"], 1],
    ["a meta file that is cut", () => ["--meta", metaFile('{"api":["192.0.2'), "--host", "a.test=192.0.2.1"], 1],
    ["no meta file at all", () => ["--meta", join(folder, "none"), "--host", "a.test=192.0.2.1"], 1],
    ["nothing that may be reached", () => ["--meta", metaFile('{"actions":["192.0.2.0/24"]}'), "--host", "a.test="], 1],
    ["a meta answer that is two", () => ["--meta", metaFile('{"api":["192.0.2.0/24"]}{"api":["203.0.113.0/24"]}')], 1],
    [
      "a meta answer without a usable range",
      () => ["--meta", metaFile('{"api":["0.0.0.0/0"],"git":["10.0.0.0/8"],"web":[]}')],
      1,
    ],
    ["lists that hold no list", () => ["--meta", metaFile('{"api":"192.0.2.0/24","git":{},"web":null}')], 1],
    ["the whole world in pieces", () => ["--meta", metaFile(JSON.stringify({ api: row(300, 16) }))], 1],
    ["IPv6 alone", () => ["--meta", metaFile('{"api":["2001:db8::/32"]}')], 1],
    ["a range that is none", () => ["--meta", metaFile('{"api":["192.0.2.0/24"]}'), "--range", "$(id)"], 2],
    ["a host that is no name", () => ["--meta", metaFile("{}"), "--host", "a;b=192.0.2.1"], 1],
    ["a port that is none", () => ["--port", "443}"], 2],
    ["an option that it does not know", () => ["--allow-all", "x"], 2],
  ])("ends with an error for %s", async (_, args, code) => {
    const { exitCode, stdout } = await run("--print", "--host", "none.test=", ...args());
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
  });
});
