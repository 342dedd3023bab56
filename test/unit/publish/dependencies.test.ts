import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noteDependencies } from "../../../src/publish/dependencies.ts";

const npm = (packages: Record<string, object>) => JSON.stringify({ packages: { "": {}, ...packages } });

describe("new dependencies", () => {
  it("of npm are named, those that run an install script first", () => {
    const before = npm({ "node_modules/a": { version: "1.0.0" } });
    const after = npm({
      "node_modules/a": { version: "2.0.0" },
      "node_modules/b": { version: "1.2.3" },
      "node_modules/a/node_modules/@x/c": { version: "0.1.0", hasInstallScript: true },
    });
    expect(noteDependencies("web/package-lock.json", before, after)).toEqual([
      "new dependency: @x/c 0.1.0, which runs an install script",
      "new dependency: b 1.2.3",
    ]);
    expect(noteDependencies("package-lock.json", "", after)).toHaveLength(3);
  });

  it.each([
    ["Cargo.lock", '[[package]]\nname = "a"\nversion = "1.0"\n', '[[package]]\nname = "b"\nversion = "2.0"\n', "b 2.0"],
    ["go.sum", "a.example/x v1.0.0 h1:x=\n", "b.example/y v2.0.0/go.mod h1:y=\n", "b.example/y v2.0.0"],
    ["requirements-dev.txt", "A==1\n", "# b\nb>=2 ; x\n-r other.txt\n", "b >=2"],
  ])("of %s are named", (path, before, added, words) => {
    expect(noteDependencies(path, before, before + added)).toEqual([`new dependency: ${words}`]);
  });

  it("in a file that cannot be read are said to be so, and never stop the work", () => {
    expect(noteDependencies("package-lock.json", "{}", "{")).toEqual(["lock file that cannot be read: package-lock.json"]);
    const path = fc.constantFrom("package-lock.json", "Cargo.lock", "go.sum", "requirements.txt", "x");
    fc.assert(fc.property(path, fc.string(), fc.string(), (...of) => Array.isArray(noteDependencies(...of))));
  });
});
