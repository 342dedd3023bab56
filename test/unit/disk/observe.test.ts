import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { observeDisks } from "../../../src/disk/observe.ts";
import { shareOf } from "../../../src/run/full.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "disks-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the machine's disks", () => {
  it("are as full as df says", async () => {
    const [seen] = await observeDisks({ data: folder, engine: undefined });
    const { stdout } = await execa("df", ["--output=pcent", folder], { env: { LANG: "C" } });
    const told = Number(/(\d+)%/.exec(stdout)?.[1]);
    // Others write to it meanwhile.
    expect(Math.abs(Math.ceil(shareOf(seen as NonNullable<typeof seen>) * 100) - told)).toBeLessThanOrEqual(1);
  });

  it("are told of once where both are on one, and apart where they are not", async () => {
    const one = await observeDisks({ data: folder, engine: tmpdir() });
    expect(one).toMatchObject([{ of: ["data", "engine"], path: folder }]);
    const two = await observeDisks({ data: folder, engine: "/proc" });
    expect(two).toMatchObject([{ of: ["data"] }, { of: ["engine"], path: "/proc" }]);
  });

  it("need not show the engine's folder", async () => {
    expect(await observeDisks({ data: folder, engine: join(folder, "none") })).toMatchObject([{ of: ["data"] }]);
    await expect(observeDisks({ data: join(folder, "none"), engine: undefined })).rejects.toThrow("ENOENT");
  });
});
