import { describe, expect, it } from "vitest";
import { partVersion } from "../../../src/sandbox/find-isolation.ts";
import { type EngineParts, findKnownEscapes } from "../../../src/sandbox/known-escapes.ts";

const nobodyTells: EngineParts = { docker: "", containerd: "", runc: "" };

describe("known holes of an engine", () => {
  it.each<[keyof EngineParts, string, number]>([
    ["runc", "1.1.5", 2],
    ["runc", "1.1.5+ds1-1+deb12u1", 1],
    ["runc", "1.1.12", 1],
    // Of another release: that revision mended something else.
    ["runc", "1.0.0~rc93+ds1-5+deb11u1", 2],
    ["runc", "1.2.8", 0],
    ["runc", "1.3.0", 1],
    ["runc", "1.3.3", 0],
    ["runc", "1.10.0", 0],
    ["runc", "2.0.0", 0],
    ["runc", "", 0],
    ["docker", "20.10.24+dfsg1", 1],
    ["docker", "20.10.24+dfsg1-1+deb12u1+b6", 0],
    ["docker", "20.10.24+dfsg1-1+b3", 1],
    ["docker", "24.0.9", 1],
    ["docker", "27.1.0", 1],
    ["docker", "27.1.1", 0],
    ["docker", "28.2.2", 0],
    ["containerd", "1.6.20~ds1-1+deb12u1", 2],
    ["containerd", "1.6.20~ds1-1+deb12u2", 0],
    ["containerd", "1.6.20~ds1-1+deb12u3", 0],
    ["containerd", "1.7.28", 1],
    ["containerd", "1.7.29", 0],
    ["containerd", "2.2.0", 0],
  ])("[58] of %s %s are %i", (part, version, count) => {
    const found = findKnownEscapes({ ...nobodyTells, [part]: version });
    expect(found).toHaveLength(count);
    for (const line of found) expect(line).toMatch(new RegExp(`^${part} .*CVE-\\d{4}-\\d+.*mended in \\d`));
  });

  it("[58] leave out runc's where another runtime keeps the sandbox", () => {
    const parts = { docker: "20.10.24", containerd: "1.6.20", runc: "1.1.5" };
    expect(findKnownEscapes(parts, "runc").map((line) => line.split(" ")[0])).toContain("runc");
    expect(findKnownEscapes(parts, "gvisor").map((line) => line.split(" ")[0])).toEqual(["containerd", "containerd", "docker"]);
  });

  it("[58] go by the package's version where the engine tells it as the commit, and by the upstream one elsewhere", () => {
    const told = (Version: string, GitCommit: string) => ({
      ...{ Version: "20.10.24", ApiVersion: "1.41", Arch: "amd64", Os: "linux" },
      Components: [{ Name: "runc", Version, Details: { GitCommit } }],
    });
    expect(partVersion(told("1.1.5+ds1", "1.1.5+ds1-1+deb12u1"), "runc")).toBe("1.1.5+ds1-1+deb12u1");
    expect(partVersion(told("1.2.5", "v1.2.5-0-g59923ef"), "runc")).toBe("1.2.5");
    expect(partVersion(told("v1.7.29", "442cb34bda9a6a0fed82a2ca7cade05c5c749582"), "runc")).toBe("1.7.29");
    expect(partVersion(told("1.2.5", ""), "containerd")).toBe("");
  });
});
