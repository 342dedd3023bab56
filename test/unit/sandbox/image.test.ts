import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hashInputs, proxiesOf } from "../../../src/sandbox/image.ts";

const of = {
  inputs: new Map([
    ["Dockerfile", "FROM x"],
    ["probe", "1"],
  ]),
  architecture: "amd64",
  base: "debian:bookworm-slim",
} as const;
const recipe = (name: string) => readFileSync(new URL(`../../../sandbox/${name}`, import.meta.url), "utf8");

describe("the sandbox image", () => {
  it("has a name that changes with each thing that goes into it, and not with their order", () => {
    const inputs = [...of.inputs];
    const others = [
      { ...of, architecture: "arm64" as const },
      { ...of, base: "debian:trixie-slim" },
      {
        ...of,
        inputs: new Map([
          ["Dockerfile", "FROM x"],
          ["probe", "2"],
        ]),
      },
      {
        ...of,
        inputs: new Map([
          ["Dockerfile", "FROM xprobe"],
          ["", "1"],
        ]),
      },
    ];
    expect(new Set([of, ...others].map(hashInputs)).size).toBe(5);
    expect(hashInputs({ ...of, inputs: new Map(inputs.reverse()) })).toBe(hashInputs(of));
  });

  it("pins what it takes from npm by exact version and integrity, and names no registry", () => {
    const manifest = JSON.parse(recipe("package.json")) as Record<string, Record<string, string>>;
    const lock = recipe("package-lock.json");
    const pinned = { ...manifest.dependencies, ...manifest.optionalDependencies };
    const packages = (JSON.parse(lock) as { packages: Record<string, { version: string; integrity?: string }> }).packages;
    for (const [name, wanted] of Object.entries(pinned)) {
      expect(wanted).toMatch(/^\d+\.\d+\.\d+$/);
      expect(packages[`node_modules/${name}`]).toMatchObject({ version: wanted, integrity: expect.stringMatching(/^sha512-/) });
    }
    expect(lock).not.toContain('"resolved"');
  });
});

describe("the proxies of a build", () => {
  it("are the operator's, without those that only this machine reaches", () => {
    const proxy = "http://proxy.example:3128";
    expect(proxiesOf({ PATH: "/bin", HTTP_PROXY: proxy, https_proxy: proxy, NO_PROXY: "a" })).toEqual({
      ...{ HTTP_PROXY: proxy, https_proxy: proxy, NO_PROXY: "a" },
    });
    for (const address of ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "none"])
      expect(proxiesOf({ HTTPS_PROXY: address, NO_PROXY: "a" })).toEqual({});
  });
});
