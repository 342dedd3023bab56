import { randomBytes } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type DiskKeeper, startDiskKeeper } from "../../src/disk/keeper.ts";
import type { FetchedBase } from "../../src/git/client.ts";
import { Bases } from "../../src/git/host/bases.ts";
import { type BaseName, readGeneration } from "../../src/git/names.ts";
import { createLogger } from "../../src/log.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { createRedactor } from "../../src/secret/redact.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit } from "../helpers/git-upstream.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
}, 60_000);
afterAll(() => house[Symbol.asyncDispose]());
afterEach(async () => {
  for (const { run } of await house.git.listRuns()) await house.git.removeRun(run);
  for (const base of await house.git.listBases()) await house.git.removeBase(base);
});

const dayMs = 24 * 3_600_000;

async function commit(branch: string, parent?: string): Promise<Sha> {
  const change = { branch, path: "a.txt", text: randomBytes(8).toString("hex"), ...(parent !== undefined && { parent }) };
  return (await addCommit(house.upstream.git, change)) as Sha;
}

async function fetchBranch(branch: string, limitBytes?: number): Promise<FetchedBase & { overran: boolean }> {
  const allow = { kind: "fetch" as const, ...(limitBytes !== undefined && { limitBytes }) };
  await using transport = await house.openTransport({ of: "bases", allow });
  const fetched = await house.git.fetchBase({ repositoryId: 7, branch, transportSocket: transport.socketPath });
  return { ...fetched, overran: transport.overran() };
}

async function needBase(branch: string): Promise<BaseName> {
  const fetched = await fetchBranch(branch);
  if (fetched.at !== "fetched") throw new Error(JSON.stringify(fetched));
  return fetched.base;
}

async function openRun(base: BaseName, sha: Sha): Promise<RunId> {
  const run = mintTestRun();
  await house.git.ensureRunRepository({ run, bases: [base], branches: [{ name: "work", sha }] });
  return run;
}

const has = async (run: RunId, sha: string) => (await house.git.git({ run }, ["cat-file", "-e", sha])).exitCode === 0;
const names = async () => (await house.git.listBases()).map(({ base }) => base).sort();

/** Each base takes a tenth of the disk, and the run repositories nothing. */
async function keep(wish: { boundPercent?: number; inDays?: number }): Promise<DiskKeeper & { log(): string }> {
  let lines = "";
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines += String(chunk);
      done();
    },
  });
  const keeper = await startDiskKeeper({
    git: house.git,
    observe: async () => {
      const used = (await house.git.listBases()).length * 10;
      return [{ of: ["data"], path: "/data", usedBytes: used, availableBytes: 100 - used }];
    },
    boundPercent: wish.boundPercent,
    keepCodeMs: 30 * dayMs,
    log: createLogger({ level: "info", format: "json", redactor: createRedactor({ values: [] }), destination }),
    nowMs: () => Date.now() + (wish.inDays ?? 0) * dayMs,
  });
  return Object.assign(keeper, { log: () => lines });
}

describe("bases on a disk that has reached its bound", () => {
  it("go one after the other, the longest unused first, until there is room; those that a run leans on stay", async () => {
    const tips: Record<string, Sha> = {};
    for (const branch of ["one", "two", "three", "four"]) tips[branch] = await commit(branch);
    const [one, two, three, four] = [
      await needBase("one"),
      await needBase("two"),
      await needBase("three"),
      await needBase("four"),
    ];
    const run = await openRun(one, tips.one as Sha);
    // Used again: it is not the one to go.
    await needBase("two");
    await using keeper = await keep({ boundPercent: 30 });
    expect(await names()).toEqual([one, two].sort());
    expect(keeper.full()).toBeUndefined();
    expect(keeper.log()).toContain(three);
    expect(keeper.log()).toContain(four);
    expect(await has(run, tips.one as Sha)).toBe(true);

    // Where it does not suffice, no run begins, until there is room.
    await using strict = await keep({ boundPercent: 10 });
    expect(await names()).toEqual([one]);
    expect(strict.full()).toEqual({ path: "/data", usedPercent: 10, boundPercent: 10 });
    await house.git.removeRun(run);
    await strict.look();
    expect(strict.full(), "what is left is looked for once a minute").toBeDefined();
    for (const base of await house.git.listBases()) await house.git.removeBase(base);
    await strict.look();
    expect(strict.full()).toBeUndefined();
    expect(strict.log()).toMatch(/the disk is full.*the disk has room again/s);
  });

  it("make room for what is to be fetched, and say how much there is", async () => {
    for (const branch of ["one", "two"]) await commit(branch);
    const [one, two] = [await needBase("one"), await needBase("two")];
    await using keeper = await keep({ boundPercent: 50 });
    expect(await keeper.makeRoom(20)).toBe(30);
    expect(await names()).toEqual([one, two].sort());
    expect(await keeper.makeRoom(35)).toBe(40);
    expect(await names()).toEqual([two]);
    expect(await keeper.makeRoom(99)).toBe(50);
    await using unbounded = await keep({});
    expect(await unbounded.makeRoom(1e15)).toBe(Number.POSITIVE_INFINITY);
  });

  it("a run loses its objects where its base goes: the control", async () => {
    const tip = await commit("one");
    const base = await needBase("one");
    const run = await openRun(base, tip);
    expect(await has(run, tip)).toBe(true);
    for (const seen of await house.git.listBases()) expect(await house.git.removeBase(seen)).toBe(true);
    expect(await has(run, tip)).toBe(false);
  });
});

describe("bases after their time", () => {
  it("go thirty days after their last use, and not while a run leans on them", async () => {
    const [kept, gone] = [await commit("kept"), await commit("gone")];
    const [keptBase, goneBase] = [await needBase("kept"), await needBase("gone")];
    const run = await openRun(keptBase, kept);
    await using early = await keep({ inDays: 29 });
    await early.tidy();
    expect(await names()).toEqual([keptBase, goneBase].sort());
    await using late = await keep({ inDays: 31 });
    await late.tidy();
    expect(await names()).toEqual([keptBase]);
    expect(late.log()).toContain(goneBase);
    expect([await has(run, kept), gone]).toEqual([true, gone]);
  });

  it("go at once where a newer generation has taken their place", async () => {
    await commit("main");
    const first = await needBase("main");
    // Other than forward.
    await commit("main");
    const second = await needBase("main");
    expect([readGeneration(first), readGeneration(second)]).toEqual([1, 2]);
    await using keeper = await keep({});
    await keeper.tidy();
    expect(await names()).toEqual([second]);
  });
});

describe("a base that is repacked", () => {
  it("is smaller, and whole", async () => {
    let tip = await commit("main");
    const base = await needBase("main");
    for (let i = 0; i < 3; i++) {
      tip = await commit("main", tip);
      await needBase("main");
    }
    const [before] = await house.git.listBases();
    expect(before).toMatchObject({ base, packs: 4 });
    expect(before && (await house.git.repackBase(before))).toBe(true);
    expect((await house.git.listBases())[0]).toMatchObject({ base, packs: 1 });
    const whole = await house.git.git({ base }, ["rev-list", "--objects", "--count", tip]);
    expect(whole.stdout.toString().trim()).toBe("12");
    expect(await house.git.findBase({ repositoryId: 7, branch: "main" })).toEqual({ base, tip });
    expect(await house.git.findBase({ repositoryId: 7, branch: "none" })).toBeUndefined();
  });

  it("is not while a run leans on it, which may lean on what no branch reaches; it would lose that: the control", async () => {
    await commit("main");
    const base = await needBase("main");
    // The branch moves other than forward: what it has now is in the old generation too, where nothing reaches it.
    const other = await commit("main");
    expect(await needBase("main")).not.toBe(base);
    const run = await openRun(base, other);
    await using keeper = await keep({ boundPercent: 10, inDays: 31 });
    await keeper.tidy();
    expect(await has(run, other)).toBe(true);

    const [seen] = await house.git.listBases();
    expect(seen?.base).toBe(base);
    expect(seen && (await house.git.repackBase(seen))).toBe(true);
    expect(await has(run, other)).toBe(false);
  });
});

describe("a base that is wanted and to be removed at once", () => {
  it("stays where it was used since whoever wants it gone looked", async () => {
    const tip = await commit("main");
    const base = await needBase("main");
    const [seen] = await house.git.listBases();
    const run = await openRun(base, tip);
    expect(seen && (await house.git.removeBase(seen))).toBe(false);
    expect(seen && (await house.git.repackBase(seen))).toBe(false);
    expect(await has(run, tip)).toBe(true);
  });

  it("is whole or fetched anew, whichever comes first", async () => {
    let tip = await commit("main");
    await needBase("main");
    for (let i = 0; i < 6; i++) {
      tip = await commit("main", tip);
      const [seen] = await house.git.listBases();
      if (!seen) throw new Error("there is no base");
      const [base] = await Promise.all(
        i % 2 === 0 ? [needBase("main"), house.git.removeBase(seen)] : [house.git.removeBase(seen).then(() => needBase("main"))],
      );
      const whole = await house.git.git({ base }, ["rev-list", "--objects", "--count", tip]);
      expect(whole.exitCode, whole.stderr).toBe(0);
    }
  });

  it("leaves no repository behind that leans on what is gone", async () => {
    const tip = await commit("main");
    const base = await needBase("main");
    const [seen] = await house.git.listBases();
    expect(seen && (await house.git.removeBase(seen))).toBe(true);
    await expect(openRun(base, tip)).rejects.toThrow();
    expect(await house.git.listRuns()).toEqual([]);
    // One that needs nothing of it, and was made in the moment before it went, shows that it is asked again.
    const run = mintTestRun();
    const other = await needBase("main");
    await expect(
      house.git.ensureRunRepository({
        run,
        bases: [other, base.replace(/1$/, "9") as BaseName],
        branches: [{ name: "work", sha: tip }],
      }),
    ).rejects.toThrow(/was removed while/);
    expect(await house.git.listRuns()).toEqual([]);
  });
});

describe("a fetch", () => {
  it("that is longer than there is room for is broken off, and leaves nothing", async () => {
    const text = randomBytes(300_000).toString("base64");
    await addCommit(house.upstream.git, { branch: "large", path: "large.txt", text });
    expect(await fetchBranch("large", 100_000)).toMatchObject({ at: "failed", overran: true });
    expect((await readdir(join(house.folder, "store", "bases"))).filter((name) => name.startsWith("new-"))).toEqual([]);
    expect(await fetchBranch("large", 1_000_000)).toMatchObject({ at: "fetched", overran: false });

    // Into a base that is there already, too.
    const tip = (await house.upstream.git(["rev-parse", "large"])).trim();
    const more = randomBytes(300_000).toString("base64");
    await addCommit(house.upstream.git, { branch: "large", path: "more.txt", text: more, parent: tip });
    expect(await fetchBranch("large", 100_000)).toMatchObject({ at: "failed", overran: true });
    const [seen] = await house.git.listBases();
    const packs = join(house.folder, "store", "bases", `${seen?.base}.git`, "objects", "pack");
    expect((await readdir(packs)).filter((name) => name.startsWith("tmp_"))).toEqual([]);
    expect(await fetchBranch("large")).toMatchObject({ at: "fetched", overran: false });
  });

  it("that a killed process left half done is taken away when the next one begins", async () => {
    const folder = join(house.folder, "half");
    const pack = join(folder, "7-0123456789abcdef-1.git", "objects", "pack");
    await mkdir(pack, { recursive: true });
    await mkdir(join(folder, "new-1"));
    await mkdir(join(folder, "gone-2"));
    await writeFile(join(pack, "tmp_pack_x"), "half");
    await writeFile(join(pack, "pack-1.pack"), "whole");
    await new Bases(folder).sweep();
    expect(await readdir(folder)).toEqual(["7-0123456789abcdef-1.git"]);
    expect(await readdir(pack)).toEqual(["pack-1.pack"]);
  });
});
