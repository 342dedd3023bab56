import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packRepository } from "../../src/backup/repository.ts";
import { flushPacket, printPacket } from "../../src/git/pkt-line.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit, cleanGit } from "../helpers/git-upstream.ts";
import { openLoopback } from "../helpers/loopback.ts";
import { ask } from "../helpers/raw-http.ts";

describe("git through a run's door", () => {
  let house: House;
  let tip: Sha;
  let secret: string;

  beforeAll(async () => {
    house = await openHouse();
    const first = await addCommit(house.upstream.git, { branch: "main", path: "a.txt", text: "one" });
    tip = (await addCommit(house.upstream.git, { branch: "main", path: "a.txt", text: "two", parent: first })) as Sha;
    // On a branch that the target does not reach.
    secret = await addCommit(house.upstream.git, { branch: "embargo", path: "secret.txt", text: "secret" });
  }, 60_000);
  afterAll(() => house[Symbol.asyncDispose]());

  async function openRun(): Promise<{ run: RunId; socket: string }> {
    await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
    const base = await house.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
    if (base.at !== "fetched") throw new Error(JSON.stringify([base, transport.failure()]));
    const run = mintTestRun();
    await house.git.ensureRunRepository({ run, bases: [base.base], branches: [{ name: "agent/issue-7", sha: tip }] });
    return { run, socket: await house.openDoor(run) };
  }

  async function clone(socket: string): Promise<
    {
      work: string;
      git: (...args: string[]) => Promise<{ exitCode?: number | undefined; stderr: string; stdout: string }>;
    } & AsyncDisposable
  > {
    const loopback = await openLoopback(socket);
    const work = join(house.folder, randomBytes(6).toString("hex"));
    await execa("git", ["clone", "--quiet", `${loopback.url}/git/repository.git`, work], cleanGit);
    const git = async (...args: string[]) => await execa("git", ["-C", work, ...args], { ...cleanGit, reject: false });
    return { work, git, [Symbol.asyncDispose]: () => loopback[Symbol.asyncDispose]() };
  }

  it("packs all of a run's repository, and makes it anew from that where no base is: whole, or not at all", async () => {
    const { run, socket } = await openRun();
    await using cloned = await clone(socket);
    await writeFile(join(cloned.work, "b.txt"), randomBytes(300_000));
    await cloned.git("add", ".");
    await cloned.git("commit", "-qm", "work");
    await cloned.git("push", "-q", "origin", "HEAD:refs/heads/work", "HEAD:refs/tags/v1");
    const tree = (await house.git.git({ run }, ["rev-parse", "refs/heads/work^{tree}"])).stdout.toString().trim();
    const env = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b.c", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b.c" };
    const made = await house.git.git({ run }, ["commit-tree", "-p", tip, tree], { input: Buffer.from("Rebuilt"), env });
    // On no ref, as held work is.
    const rebuilt = made.stdout.toString().trim() as Sha;
    const state = { at: "held", rebuilt, stand: { sha: "f".repeat(40) } } as never;
    const path = join(house.folder, `${run}.pack`);
    const packed = await packRepository(house.git, { run, state, path });
    expect(packed?.shape).toMatchObject({ head: "agent/issue-7", commits: [rebuilt] });
    expect(packed?.shape.refs.map(({ name }) => name).sort()).toEqual([
      "refs/heads/agent/issue-7",
      "refs/heads/work",
      "refs/tags/v1",
    ]);
    const shape = { ...packed?.shape, run: mintTestRun() } as Parameters<typeof house.git.restoreRun>[0];
    const bytes = readFileSync(path);
    const restore = (of: typeof shape, pack: Buffer) => house.git.restoreRun(of, Readable.from([pack]));
    const missing = { ...shape, commits: ["f".repeat(40) as Sha] };
    for (const refused of [
      restore(shape, bytes.subarray(0, bytes.length - 30_000)),
      restore(shape, Buffer.alloc(0)),
      restore(missing, bytes),
      restore({ ...shape, refs: [{ name: "refs/replace/x", sha: tip }] }, bytes),
      restore({ ...shape, refs: [{ name: "refs/heads/../../x", sha: tip }] }, bytes),
    ])
      await expect(refused).rejects.toMatchObject({ code: "git.failed" });
    expect((await house.git.listRuns()).some((each) => each.run === shape.run)).toBe(false);
    expect((await readdir(join(house.folder, "store", "runs"))).filter((name) => name.startsWith("new-"))).toEqual([]);

    expect(await restore(shape, bytes)).toEqual({ made: true });
    expect(await restore(shape, Buffer.from("no pack"))).toEqual({ made: false });
    expect((await house.git.listRuns()).find((each) => each.run === shape.run)).toEqual({ run: shape.run, bases: [] });
    const listed = await house.git.git({ run: shape.run }, ["rev-list", "--objects", "--count", rebuilt, "refs/heads/work"]);
    const original = await house.git.git({ run }, ["rev-list", "--objects", "--count", rebuilt, "refs/heads/work"]);
    expect([listed.exitCode, listed.stdout.toString()]).toEqual([0, original.stdout.toString()]);
    // One that is gone meanwhile is no failure of the backup.
    await house.git.removeRun(run);
    expect(await packRepository(house.git, { run, state, path: `${path}.2` })).toBeUndefined();
    await house.git.removeRun(shape.run);
  });

  it("clones, pushes, and the pushed ref is read through the control socket", async () => {
    const { run, socket } = await openRun();
    await using cloned = await clone(socket);
    await writeFile(join(cloned.work, "b.txt"), randomBytes(2_000_000));
    await cloned.git("add", ".");
    await cloned.git("commit", "-qm", "work");
    const pushed = await cloned.git("push", "-q", "origin", "HEAD:refs/heads/work");
    expect(pushed.stderr).toBe("");
    const head = (await cloned.git("rev-parse", "HEAD")).stdout;
    const read = await house.git.git({ run }, ["rev-parse", "--verify", "--end-of-options", "refs/heads/work"]);
    expect(read.stdout.toString().trim()).toBe(head);
    const rows = await house.closeAndRead(run);
    expect(rows.map((row) => row.seq)).toEqual(rows.map((_, index) => index + 1));
    expect(rows.every((row) => row.verdict === "allowed" && row.rule === "git.run-repository")).toBe(true);
    expect(Math.max(...rows.map((row) => row.bytesIn))).toBeGreaterThan(2_000_000);
  }, 60_000);

  it("[19] refuses refs that are neither branch nor tag, and shows none of them", async () => {
    const { run, socket } = await openRun();
    await using cloned = await clone(socket);
    for (const ref of ["refs/replace/" + tip, "refs/pull/1/head", "refs/airlock/x", "refs/headsx/y"]) {
      const pushed = await cloned.git("push", "-q", "origin", `HEAD:${ref}`);
      expect(pushed.exitCode, ref).not.toBe(0);
    }
    expect((await cloned.git("push", "-q", "origin", "HEAD:refs/tags/control")).exitCode).toBe(0);
    await house.git.git({ run }, ["update-ref", "refs/airlock/hidden", tip]);
    expect((await cloned.git("ls-remote", "origin")).stdout).not.toContain("hidden");
    const refs = await house.git.git({ run }, ["for-each-ref", "--format=%(refname)"]);
    expect(refs.stdout.toString().trim().split("\n").sort()).toEqual([
      "refs/airlock/hidden",
      "refs/heads/agent/issue-7",
      "refs/tags/control",
    ]);
  }, 60_000);

  it("[64] does not serve an object that the target branch does not reach, neither by name nor by a ref on an empty pack", async () => {
    const { run, socket } = await openRun();
    await using cloned = await clone(socket);
    const asked = await cloned.git("-c", "protocol.version=2", "fetch", "-q", "origin", secret);
    expect(asked.exitCode).not.toBe(0);
    const emptyPack = await emptyPackOf(house);
    const command = printPacket(`${"0".repeat(40)} ${secret} refs/heads/stolen\0report-status object-format=sha1`);
    const target = "/git/repository.git/git-receive-pack";
    const headers = { "content-type": "application/x-git-receive-pack-request" };
    const answer = await ask(socket, { method: "POST", target, headers, body: Buffer.concat([command, flushPacket, emptyPack]) });
    expect(answer.body).toContain("ng refs/heads/stolen missing necessary objects");
    // The control: the same request for a commit that is in the base is served.
    const control = printPacket(`${"0".repeat(40)} ${tip} refs/heads/mine\0report-status object-format=sha1`);
    const served = await ask(socket, { method: "POST", target, headers, body: Buffer.concat([control, flushPacket, emptyPack]) });
    expect(served.body).toContain("ok refs/heads/mine");
    expect((await cloned.git("-c", "protocol.version=2", "fetch", "-q", "origin", tip)).exitCode).toBe(0);
    const listed = await house.git.git({ run }, ["cat-file", "-e", secret]);
    expect(listed.exitCode).not.toBe(0);
  }, 60_000);

  it("[64] drops what a forced move of the branch dropped, for new runs", async () => {
    await addCommit(house.upstream.git, { branch: "moving", path: "a.txt", text: "m1" });
    const fetch = async () => {
      await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
      const base = await house.git.fetchBase({ repositoryId: 8, branch: "moving", transportSocket: transport.socketPath });
      if (base.at !== "fetched") throw new Error(JSON.stringify([base, transport.failure()]));
      return base;
    };
    const before = await fetch();
    const again = await fetch();
    expect(again).toEqual({ ...before, rebuilt: false });
    const forced = await addCommit(house.upstream.git, { branch: "moving", path: "a.txt", text: "other" });
    const after = await fetch();
    expect(after).toMatchObject({ rebuilt: true, tip: forced });
    expect(after.base).not.toBe(before.base);
    // The old generation still has it: that is the control.
    expect((await house.git.git({ base: before.base }, ["cat-file", "-e", before.tip])).exitCode).toBe(0);
    expect((await house.git.git({ base: after.base }, ["cat-file", "-e", before.tip])).exitCode).not.toBe(0);
    const next = await addCommit(house.upstream.git, { branch: "moving", path: "a.txt", text: "next", parent: forced });
    expect(await fetch()).toEqual({ at: "fetched", base: after.base, tip: next, rebuilt: false });
  }, 60_000);

  it("[20] knows no other run's repository, no dumb file, no other spelling", async () => {
    const { run, socket } = await openRun();
    const other = await openRun();
    const targets = [
      `/git/${other.run}.git/info/refs?service=git-upload-pack`,
      `/git/repository.git/../${other.run}.git/info/refs?service=git-upload-pack`,
      `/git/repository.git/%2e%2e/${other.run}.git/info/refs?service=git-upload-pack`,
      "/git/repository.git/info/refs",
      "/git/repository.git/HEAD",
      "/git/repository.git/objects/info/packs",
      "/git/repository.git/info/refs?service=git-upload-archive",
      "/git/repository.git/info/refs?service=git-upload-pack&x=1",
      "/git//repository.git/info/refs?service=git-upload-pack",
      "/GIT/repository.git/info/refs?service=git-upload-pack",
    ];
    for (const target of targets) expect((await ask(socket, { method: "GET", target })).status, target).toBe(403);
    expect((await ask(socket, { method: "GET", target: "/git/repository.git/info/refs?service=git-upload-pack" })).status).toBe(
      200,
    );
    const rows = await house.closeAndRead(run);
    expect(rows.filter((row) => row.verdict === "refused").length).toBe(targets.length);
    expect(rows.length).toBe(targets.length + 1);
  }, 60_000);

  it("[21] ends a malformed body, a compressed bomb and a pack that is too long, and the neighbour is served", async () => {
    const { socket } = await openRun();
    const neighbour = await openRun();
    const fetchHeaders = { "content-type": "application/x-git-upload-pack-request" };
    const target = "/git/repository.git/git-upload-pack";
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, "0"));
    const bombed = await ask(socket, {
      method: "POST",
      target,
      headers: { ...fetchHeaders, "content-encoding": "gzip" },
      body: bomb,
    });
    expect(bombed.status).toBe(413);
    const malformed = await ask(socket, { method: "POST", target, headers: fetchHeaders, body: "zzzz" });
    expect(malformed.raw).not.toContain("PACK");
    await using cloned = await clone(socket);
    await writeFile(join(cloned.work, "big"), randomBytes(5 * 1024 * 1024));
    await cloned.git("add", ".");
    await cloned.git("commit", "-qm", "big");
    const pushed = await cloned.git("push", "-q", "origin", "HEAD:refs/heads/work");
    expect(pushed.exitCode).not.toBe(0);
    expect(pushed.stderr).toContain("pack exceeds maximum allowed size");
    await using served = await clone(neighbour.socket);
    expect((await served.git("rev-parse", "HEAD")).stdout).toBe(tip);
  }, 60_000);

  it("[24] takes no more into a run's repository that is full", async () => {
    const { run, socket } = await openRun();
    await using cloned = await clone(socket);
    const codes: (number | undefined)[] = [];
    for (const name of ["a", "b", "c"]) {
      await writeFile(join(cloned.work, name), randomBytes(3 * 1024 * 1024));
      await cloned.git("add", ".");
      await cloned.git("commit", "-qm", name);
      codes.push((await cloned.git("push", "-q", "origin", "HEAD:refs/heads/work")).exitCode);
    }
    expect(codes).toEqual([0, 0, 1]);
    const rows = await house.closeAndRead(run);
    expect(rows.at(-1)).toMatchObject({ status: 413 });
  }, 60_000);

  it("ends git when the client leaves in the middle", async () => {
    const { run, socket } = await openRun();
    const client = connect(socket);
    client.on("error", () => {});
    const type = "application/x-git-receive-pack-request";
    client.write(
      `POST /git/repository.git/git-receive-pack HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 100000\r\n\r\n0100`,
    );
    const running = async () =>
      (await readdir("/proc")).filter((pid) => /^\d+$/.test(pid) && environOf(pid).includes(`PATH_INFO=/${run}.git/`)).length;
    await expect.poll(running).toBeGreaterThan(0);
    client.destroy();
    await expect.poll(running).toBe(0);
  }, 60_000);

  it("[23] runs only allowed plumbing for the App, with its own configuration", async () => {
    const { run } = await openRun();
    await expect(house.git.git({ run }, ["config", "core.hooksPath", "/tmp"])).rejects.toMatchObject({ code: "git.refused" });
    await expect(house.git.git({ run }, ["diff", "--output=/tmp/x", tip])).rejects.toMatchObject({ code: "git.refused" });
    await expect(house.git.git({ run }, ["log", tip], { env: { GIT_DIR: "/x" } })).rejects.toMatchObject({ code: "git.refused" });
    await expect(house.git.git({ run }, ["cat-file", "-p", tip], { limitBytes: 10 })).rejects.toMatchObject({
      code: "git.too-large",
    });
    await expect(house.git.git({ run: mintTestRun() }, ["rev-parse", "HEAD"])).rejects.toMatchObject({
      code: "git.repository-missing",
    });
    const tree = await house.git.git({ run }, ["mktree", "-z"], { input: Buffer.from("") });
    const commit = await house.git.git({ run }, ["commit-tree", tree.stdout.toString().trim(), "-p", tip, "-m", "x"], {
      env: { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@b" },
    });
    expect(commit.exitCode).toBe(0);
    expect((await house.git.listRuns()).find((row) => row.run === run)?.bases.length).toBe(1);
    await house.git.removeRun(run);
    expect((await house.git.listRuns()).find((row) => row.run === run)).toBeUndefined();
  }, 60_000);
});

/** Empty where we may not read it. */
function environOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}

async function emptyPackOf(house: House): Promise<Buffer> {
  const packed = await execa("git", ["-C", join(house.folder, "upstream", "owner", "name.git"), "pack-objects", "--stdout"], {
    ...cleanGit,
    input: "",
    encoding: "buffer",
    stripFinalNewline: false,
  });
  return Buffer.from(packed.stdout);
}
