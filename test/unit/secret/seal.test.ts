import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSeal } from "../../../src/secret/seal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airlock-seal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keyFile = () => join(folder, "state", "seal.key");

describe("the seal", () => {
  it("makes its key once, for its user alone, and leaves no draft behind", () => {
    const sealed = openSeal(keyFile()).seal("ghs_abc");
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, "state"))).toEqual(["seal.key"]);
    expect(openSeal(keyFile()).open(sealed)).toBe("ghs_abc");
  });

  it("opens whatever it sealed, and never twice the same way", () => {
    const seal = openSeal(keyFile());
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const sealed = seal.seal(text);
        expect(seal.open(sealed)).toBe(text);
        expect(seal.seal(text)).not.toBe(sealed);
        expect(sealed).toMatch(/^s1\.[\w-]+$/);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses every changed, cut or foreign text", () => {
    const seal = openSeal(keyFile());
    const sealed = seal.seal("ghs_abc");
    const broken = expect.objectContaining({ code: "seal.broken" });
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      expect(() => seal.open(changed), `changed at ${at}`).toThrow(broken);
      expect(() => seal.open(sealed.slice(0, at)), `cut at ${at}`).toThrow(broken);
    }
    expect(() => openSeal(join(folder, "other.key")).open(sealed)).toThrow(broken);
    expect(() => seal.open("ghs_abc")).toThrow(broken);
  });

  it("refuses a key that others may read, or that is damaged", () => {
    const unusable = expect.objectContaining({ code: "settings.seal-key" });
    openSeal(keyFile());
    chmodSync(keyFile(), 0o644);
    expect(() => openSeal(keyFile())).toThrow(unusable);
    chmodSync(keyFile(), 0o600);
    writeFileSync(keyFile(), "short\n");
    expect(() => openSeal(keyFile())).toThrow(unusable);
    expect(() => openSeal(join(keyFile(), "below-a-file.key"))).toThrow(unusable);
  });
});
