import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor, redactedMark } from "../../../src/secret/redact.ts";
import { workedMs } from "../../helpers/worked.ts";

const letters = (count: number) => "aZ3kQ9".repeat(Math.ceil(count / 6)).slice(0, count);
const secret = "correct horse/battery+staple\nü";
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const known = createRedactor({ values: [secret, key, "short"] });
const blind = createRedactor({ values: [] });

describe("registered values", () => {
  it.each([
    ["as it is", secret],
    ["in JSON", JSON.stringify({ a: secret })],
    ["in JSON within JSON", JSON.stringify({ log: JSON.stringify({ a: secret }) })],
    ["in a URL", `https://x/?q=${encodeURIComponent(secret)}`],
    ["in a URL, in small letters", encodeURIComponent(secret).toLowerCase()],
    ["in hex", Buffer.from(secret).toString("hex").toUpperCase()],
    ["backwards", [...secret].reverse().join("")],
  ])("go: %s", (_, text) => {
    expect(known.redact(`before ${text} after`)).toContain(redactedMark);
    expect(known.redact(text)).not.toMatch(/battery|yrettab|62617474/i);
  });

  it("[16] go in base64 at every alignment, plain and URL-safe", () => {
    for (const alphabet of ["base64", "base64url"] as const)
      for (let shift = 0; shift < 9; shift++) {
        const clean = known.redact(Buffer.from(`${"x".repeat(shift)}${secret}yy`).toString(alphabet));
        expect(clean).toContain(redactedMark);
        expect(Buffer.from(clean.replace(redactedMark, ""), "base64").toString("latin1")).not.toContain("horse");
      }
  });

  it("go line by line where they are a key", () => {
    const lines = key.trim().split("\n");
    for (const line of lines.slice(1, -2)) expect(known.redact(`  12 | ${line}`)).toBe(`  12 | ${redactedMark}`);
  });

  it("stay where they are too short to be told from ordinary words", () => {
    expect(known.redact("a short text")).toBe("a short text");
  });

  it("go from the moment they are added, and the newest thousands are kept", () => {
    const redactor = createRedactor({ values: ["from-the-start-1"] });
    for (let n = 0; n < 4_100; n++) redactor.add(`ghs_1234_${n}_end`);
    expect(redactor.redact("ghs_1234_4099_end from-the-start-1")).toBe(`${redactedMark} ${redactedMark}`);
    expect(redactor.redact("ghs_1234_1_end")).toBe("ghs_1234_1_end");
  });
});

describe("well-known shapes", () => {
  it.each([
    ...["ghs_", "ghp_", "gho_", "ghu_", "ghr_", "npm_"].map((prefix) => prefix + letters(36)),
    `ghs_123456_${letters(20)}.${letters(60)}.${letters(43)}`,
    `github_pat_${letters(22)}_${letters(59)}`,
    `sk-ant-api03-${letters(90)}`,
    "AKIAIOSFODNN7EXAMPLE",
    `xoxb-123456789012-${letters(24)}`,
    `AIza${letters(35)}`,
    `glpat-${letters(20)}`,
    `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${letters(43)}`,
  ])("go: %s", (token) => {
    expect(blind.redact(`x=${token};`)).toBe(`x=${redactedMark};`);
    expect(blind.redact(JSON.stringify({ token }))).toBe(JSON.stringify({ token: redactedMark }));
  });

  it("[16] take a private key whole, also JSON-escaped and without its end", () => {
    expect(blind.redact(`a\n${key}b`)).toBe(`a\n${redactedMark}\nb`);
    expect(JSON.parse(blind.redact(JSON.stringify({ key })))).toEqual({ key: `${redactedMark}\n` });
    expect(blind.redact(JSON.stringify(JSON.stringify({ key })))).not.toContain(key.split("\n")[2]);
    expect(blind.redact(key.slice(0, 400))).toBe(redactedMark);
  });

  it("leave words about tokens alone", () => {
    const text =
      "Set ghs_ or sk-ant-… keys; -----BEGIN PRIVATE KEY----- starts a file. https://user@host/x npm_config_cache eyJ.eyJ.x";
    expect(blind.redact(text)).toBe(text);
  });
});

describe("in pieces", () => {
  const token = `ghs_${letters(36)}`;
  const filler = fc.constantFrom("x", " ", "ghs_", "\n", "word ".repeat(4_000), "-----BEGIN RSA PRIVATE KEY-----\n", "sk-ant-");
  const part = fc.oneof(
    { weight: 3, arbitrary: filler },
    { weight: 1, arbitrary: fc.constantFrom(token, secret, key, JSON.stringify(key)) },
  );

  it("[16] comes out as it would whole, wherever it is cut", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.array(fc.nat(60_000), { maxLength: 8 }), (parts, cuts) => {
        const text = parts.join("");
        const stream = known.stream();
        const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((place, index) => stream.write(text.slice(places[index], place)));
        expect(pieces.join("") + stream.end()).toBe(known.redact(text));
      }),
      { numRuns: 150 },
    );
  });

  it("holds no more than a bounded tail", () => {
    const stream = known.stream();
    const out = Array.from({ length: 100 }, () => stream.write("y".repeat(10_000))).join("");
    expect(out.length).toBeGreaterThan(1_000_000 - 50_000);
  });
});

it("[82] takes linear time on text made to be slow", () => {
  const base = (size: number) =>
    [
      "eyJaaaaaaaaaa",
      "-----BEGIN PRIVATE KEY-----\n",
      "ghs_",
      "://a:b",
      "\\n ",
      "eyJaaaaaaaaaa.eyJaaaaaaaaaa",
      key.slice(0, 200),
    ].map((unit) => unit.repeat(Math.ceil(size / unit.length)));
  const timeOf = (text: string) => {
    const startedAtMs = workedMs();
    known.redact(text);
    return workedMs() - startedAtMs;
  };
  for (const text of base(200_000)) expect(timeOf(text), text.slice(0, 20)).toBeLessThan(1_000);
});
