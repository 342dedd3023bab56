import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { deflateSync } from "node:zlib";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveBackend } from "../../../src/git/host/backend.ts";
import { RunRepositories } from "../../../src/git/host/run-repositories.ts";
import { observeSize } from "../../../src/git/host/size.ts";
import { flushPacket, printPacket } from "../../../src/git/pkt-line.ts";

const run = "aaaaaaaaaaaaaaaa";
const mebibyte = 1024 ** 2;

const sha1 = (bytes: Buffer) => createHash("sha1").update(bytes).digest();
/** As gitformat-pack has it: the type and the first four bits, then seven at a time. */
const objectHead = (type: number, size: number) => {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest & 0x7f);
  }
  return Buffer.from(bytes);
};
const varint = (value: number) => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest & 0x7f) | (rest < 128 ? 0 : 0x80));
    if (rest < 128) return Buffer.from(bytes);
  }
};

/** A push of one tag, whose pack holds 64 kB that no compression makes smaller, and a delta that says them `copies` times. */
function printPush(copies: number, tag: string): Buffer {
  const base = randomBytes(65_536);
  const id = sha1(Buffer.concat([Buffer.from(`blob ${base.length}\0`), base]));
  const delta = Buffer.concat([varint(base.length), varint(base.length * copies), Buffer.alloc(copies, 0x80)]);
  const head = Buffer.from([0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, 2]);
  const plain = [objectHead(3, base.length), deflateSync(base)];
  const pack = Buffer.concat([head, ...plain, objectHead(7, delta.length), id, deflateSync(delta)]);
  const command = `${"0".repeat(40)} ${id.toString("hex")} refs/tags/${tag}\0report-status\n`;
  return Buffer.concat([printPacket(command), flushPacket, pack, sha1(pack)]);
}

describe("what an agent pushes", () => {
  let folder = "";
  let backend: Awaited<ReturnType<typeof serveBackend>>;
  let repositories: RunRepositories;
  const socketPath = () => join(folder, "git.sock");
  const serve = async (limits: { maxRepositoryBytes: number; parallel: number }) => {
    folder = await mkdtemp(join(tmpdir(), "airlock-backend-"));
    const runs = join(folder, "runs");
    await mkdir(runs);
    await execa("git", ["init", "--quiet", "--bare", join(runs, `${run}.git`)]);
    repositories = new RunRepositories({ runs, bases: join(folder, "bases") });
    backend = await serveBackend({
      ...{ socketPath: socketPath(), folder: runs, repositories, log: () => {} },
      ...{ maxInputBytes: 8 * mebibyte, exchangeMs: 20_000, ...limits },
    });
  };
  const size = () => observeSize(repositories.path(run as never));
  const push = async (body: Buffer) => {
    const headers = { "content-type": "application/x-git-receive-pack-request" };
    const asked = request({ socketPath: socketPath(), method: "POST", path: `/${run}.git/git-receive-pack`, headers });
    const answered = new Promise<IncomingMessage>((resolve, reject) => asked.once("response", resolve).once("error", reject));
    asked.end(body);
    const answer = await answered;
    return { status: answer.statusCode, text: (await buffer(answer)).toString("latin1") };
  };
  beforeEach(() => serve({ maxRepositoryBytes: mebibyte, parallel: 1 }));
  afterEach(async () => {
    backend.closeAllConnections();
    await new Promise((done) => backend.close(done));
    await rm(folder, { recursive: true, force: true });
  });

  it("[21] takes no more room on the disk than it was long, whatever its deltas say", async () => {
    const body = printPush(40 * 16, "small");
    expect(await push(body)).toMatchObject({ status: 200, text: expect.stringContaining("unpack ok") });
    expect(await size()).toBeLessThan(body.length + 256 * 1024);
  });

  it("[21] is refused where an object would take more memory than a push may", async () => {
    const before = await size();
    const refused = await push(printPush(200 * 16, "large"));
    expect(refused).toMatchObject({ status: 200, text: expect.stringMatching(/unpack (?!ok)/) });
    expect(await size()).toBeLessThan(before + 64 * 1024);
  });

  it("[24] is refused where it names refs without end, since each is a file and each part of its name a folder", async () => {
    const before = await size();
    const name = `refs/tags/x${"/a".repeat(1_900)}`;
    const commands = Array.from({ length: 100 }, (_, nth) => printPacket(`${"0".repeat(40)} ${"1".repeat(40)} ${name}${nth}`));
    expect(await push(Buffer.concat([...commands, flushPacket]))).toMatchObject({ status: 413 });
    expect(await size()).toBe(before);
  });

  it("[24] counts as what it takes on the disk, empty folders and short files too", async () => {
    const before = await size();
    await mkdir(join(repositories.path(run as never), `refs/tags${"/a".repeat(100)}`), { recursive: true });
    expect((await size()) - before).toBe(100 * 4_096);
  });

  it("[24] is measured when its turn comes, so that what waits together does not find the same room", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, nth) => push(printPush(2, `t${nth}`))));
    // A mebibyte holds sixteen of 64 kB.
    expect(answers.filter(({ status }) => status === 413).length).toBeGreaterThan(20);
    expect(await size()).toBeLessThan(1.5 * mebibyte);
  });
});
