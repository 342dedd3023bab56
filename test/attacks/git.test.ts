import { randomBytes } from "node:crypto";
import { appendFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flushPacket, printPacket } from "../../src/git/pkt-line.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit, cleanGit, type GitUpstream, openGitUpstream } from "../helpers/git-upstream.ts";
import { openLoopback } from "../helpers/loopback.ts";
import { until } from "../helpers/until.ts";

/**
 * What an agent may try with git, at its run's door and beside it at what people put there who have no door: git's own http-backend over one
 * mirror of the repository, which every agent reads and writes.
 */
interface Place extends AsyncDisposable {
  /** Of the one repository that the agent is given. */
  url: string;
  /** The agent's clone. */
  work: string;
  git(...args: string[]): Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }>;
}

let house: House;
let mirror: GitUpstream;
let tip: Sha;
let secret: string;
let emptyPack: Buffer;
let place: Place;
let neighbour: Place;
let undefended: Place;

/** main with two commits, and a branch that nobody but its owners should see. */
async function fill(upstream: Pick<GitUpstream, "git">) {
  const first = await addCommit(upstream.git, { branch: "main", path: "a.txt", text: "one" });
  const last = await addCommit(upstream.git, { branch: "main", path: "a.txt", text: "two", parent: first });
  const hidden = await addCommit(upstream.git, { branch: "embargo", path: "secret.txt", text: "secret" });
  await upstream.git(["update-ref", "refs/pull/1/head", hidden]);
  await upstream.git(["tag", "v1", first]);
  return { last: last as Sha, hidden };
}

beforeAll(async () => {
  house = await openHouse();
  mirror = await openGitUpstream(join(house.folder, "mirror"), { open: true });
  ({ last: tip, hidden: secret } = await fill(house.upstream));
  emptyPack = Buffer.from(
    (
      await execa("git", ["-C", join(house.folder, "upstream/owner/name.git"), "pack-objects", "--stdout"], {
        ...cleanGit,
        input: "",
        encoding: "buffer",
        stripFinalNewline: false,
      })
    ).stdout,
  );
  [place, neighbour, undefended] = await Promise.all([openDefended(), openDefended(), openUndefended()]);
}, 120_000);
afterAll(async () => {
  for (const each of [place, neighbour, undefended]) await each?.[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await house[Symbol.asyncDispose]();
});

async function cloneFrom(url: string, held: AsyncDisposableStack): Promise<Place> {
  const work = join(house.folder, `work-${randomBytes(6).toString("hex")}`);
  await execa("git", ["clone", "--quiet", url, work], cleanGit);
  await appendFile(join(work, "a.txt"), "of the agent\n");
  const git = async (...args: string[]) => execa("git", ["-C", work, ...args], { ...cleanGit, reject: false, timeout: 60_000 });
  await git("commit", "-qam", "work");
  const kept = held.move();
  return { url, work, git, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function openRun(): Promise<RunId> {
  await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
  const base = await house.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
  if (base.at !== "fetched") throw new Error(JSON.stringify([base, transport.failure()]));
  const run = mintTestRun();
  await house.git.ensureRunRepository({ run, bases: [base.base], branches: [{ name: "agent/issue-7", sha: tip }] });
  return run;
}

async function openDefended(): Promise<Place> {
  await using held = new AsyncDisposableStack();
  const loopback = held.use(await openLoopback(await house.openDoor(await openRun())));
  return await cloneFrom(`${loopback.url}/git/repository.git`, held);
}

async function openUndefended(): Promise<Place> {
  await resetMirror();
  await using held = new AsyncDisposableStack();
  return await cloneFrom(`${mirror.url}/owner/name.git`, held);
}

/** The mirror as it was, whatever the attempt before did to it. */
async function resetMirror(): Promise<void> {
  const folder = join(house.folder, "mirror/owner/name.git");
  await execa("rm", ["-rf", folder]);
  await execa("git", ["clone", "--quiet", "--mirror", join(house.folder, "upstream/owner/name.git"), folder], cleanGit);
  await execa("git", ["-C", folder, "config", "http.receivepack", "true"], cleanGit);
}

const refsOf = (upstream: GitUpstream) => upstream.git(["for-each-ref", "--format=%(objectname) %(refname)"]);

describe("what an agent pushes", () => {
  it.each<[name: string, refspecs: string[], options?: string[]]>([
    ["[17] over main", ["HEAD:refs/heads/main"]],
    ["[17] over main by force", ["+HEAD~2:refs/heads/main"]],
    ["[17] as a new tag", ["HEAD:refs/tags/v2"]],
    ["[17] over a tag", ["+HEAD:refs/tags/v1"]],
    ["[17] as the end of another branch", [":refs/heads/embargo"]],
    ["[17] over another branch by force", ["+HEAD:refs/heads/embargo"]],
    ["[17] as the end of everything else", [], ["--mirror"]],
    [
      "[18] to its branch and to main at once, all or nothing",
      ["HEAD:refs/heads/agent/issue-7", "HEAD:refs/heads/main"],
      ["--atomic"],
    ],
    ["[18] to its branch and to main at once", ["HEAD:refs/heads/agent/issue-7", "HEAD:refs/heads/main"]],
    ["[19] to a branch with a letter more", ["HEAD:refs/heads/agent/issue-7x"]],
    ["[19] to a branch in other case", ["HEAD:refs/heads/Agent/issue-7"]],
    ["[19] to a branch below its own", ["HEAD:refs/heads/agent/issue-7-/main"]],
    ["[19] to a pull request's head", ["+HEAD:refs/pull/1/head"]],
    ["[19] as a replacement of another commit", ["HEAD:refs/replace/TIP"]],
    ["[19] to a namespace of its own", ["HEAD:refs/airlock/work"]],
    ["[19] to a look-alike of heads", ["HEAD:refs/headsx/main"]],
  ])("%s leaves GitHub's refs as they were, bit for bit", async (_, refspecs, options = []) => {
    const args = ["push", "-q", ...options, "origin", ...refspecs.map((each) => each.replace("TIP", tip))];
    const before = await refsOf(house.upstream);
    await resetMirror();
    await undefended.git(...args);
    controlFell((await refsOf(mirror)) !== before, "the same push, to the mirror");

    await place.git(...args);
    expect(await refsOf(house.upstream)).toBe(before);
    // What is legitimate still works: its own branch, of its own repository.
    const own = await place.git("push", "-q", "origin", "+HEAD:refs/heads/work");
    expect(own.exitCode, own.stderr).toBe(0);
    expect(await refsOf(house.upstream)).toBe(before);
  });
});

describe("what an agent reads that the target does not reach", () => {
  const reads = {
    "[64] asked by its name": async ({ git, work }) => {
      await git("-c", "protocol.version=2", "fetch", "-q", "origin", secret);
      return hasSecret(work);
    },
    "[64] asked by its branch": async ({ git, work }) => {
      await git("fetch", "-q", "origin", "refs/heads/embargo");
      return hasSecret(work);
    },
    "[64] asked by its pull request": async ({ git, work }) => {
      await git("fetch", "-q", "origin", "refs/pull/1/head");
      return hasSecret(work);
    },
    "[64] named by an empty pack, then fetched": async ({ url, git, work }) => {
      const command = printPacket(`${"0".repeat(40)} ${secret} refs/heads/stolen\0report-status object-format=sha1`);
      await post(`${url}/git-receive-pack`, "receive", Buffer.concat([command, flushPacket, emptyPack]));
      await git("fetch", "-q", "origin", "refs/heads/stolen");
      return hasSecret(work);
    },
    "[64] told by what receive-pack says that it has": async ({ url }) => {
      const answer = await fetch(`${url}/info/refs?service=git-receive-pack`);
      return (await answer.text()).includes(secret);
    },
    "[20] as a dumb file": async ({ url }) => {
      const path = `objects/${secret.slice(0, 2)}/${secret.slice(2)}`;
      const packs = await fetch(`${url}/objects/info/packs`);
      const loose = await fetch(`${url}/${path}`);
      await Promise.all([packs.arrayBuffer(), loose.arrayBuffer()]);
      return packs.ok || loose.ok;
    },
    "[20] in the repository's own files": async ({ url }) => {
      const answer = await fetch(`${url}/HEAD`);
      return answer.ok && (await answer.text()).startsWith("ref:");
    },
  } satisfies Record<string, (place: Place) => Promise<boolean>>;

  it.each(Object.entries(reads))("%s is not served", async (_, read: (place: Place) => Promise<boolean>) => {
    await using fresh = await openUndefended();
    controlFell(await read(fresh), "the same, of the mirror");
    expect(await read(place)).toBe(false);
    expect((await place.git("fetch", "-q", "origin", "refs/heads/agent/issue-7")).exitCode).toBe(0);
  });

  async function hasSecret(work: string): Promise<boolean> {
    const found = await execa("git", ["-C", work, "cat-file", "-e", secret], { ...cleanGit, reject: false });
    return found.exitCode === 0;
  }
});

describe("what an agent sends that costs", () => {
  it("[21] a compressed bomb is stopped before it is unpacked, and the neighbour is served", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, "0"));
    const send = ({ url }: Place) => post(`${url}/git-upload-pack`, "upload", bomb, { "content-encoding": "gzip" });
    controlFell((await send(undefended)).status !== 413, "the bomb, at git's own door");
    expect((await send(place)).status).toBe(413);
    expect((await neighbour.git("fetch", "-q", "origin")).exitCode).toBe(0);
  });

  it("[21] a push without end is stopped at the cap, and the neighbour is served", async () => {
    const attempt = async ({ work, git }: Place) => {
      await writeFile(join(work, "big"), randomBytes(6 * 1024 * 1024));
      await git("add", ".");
      await git("commit", "-qm", "big");
      return (await git("push", "-q", "origin", "HEAD:refs/heads/work")).exitCode === 0;
    };
    controlFell(await attempt(undefended), "a push over the cap, to the mirror");
    expect(await attempt(place)).toBe(false);
    expect((await neighbour.git("fetch", "-q", "origin")).exitCode).toBe(0);
  });

  it.each([
    ["no packet", "zzzz"],
    ["a packet that is longer than it says", "ffffwant"],
    ["a command without a ref", printPacket("want 0123").toString("latin1")],
    ["nothing at all", ""],
  ])("[21] a body that is %s is an error of git's own, and the neighbour is served", async (_, body) => {
    const answer = await post(`${place.url}/git-upload-pack`, "upload", Buffer.from(body, "latin1"));
    expect(answer.text).not.toContain("PACK");
    expect((await neighbour.git("fetch", "-q", "origin")).exitCode).toBe(0);
    expect((await place.git("fetch", "-q", "origin")).exitCode).toBe(0);
  });
});

async function post(url: string, service: "upload" | "receive", body: Buffer, headers: Record<string, string> = {}) {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  const got: Buffer[] = [];
  let ended = false;
  socket.on("error", () => {
    ended = true;
  });
  socket
    .on("data", (chunk) => got.push(chunk))
    .on("close", () => {
      ended = true;
    });
  const all = { host: "git", connection: "close", "content-type": `application/x-git-${service}-pack-request`, ...headers };
  const head = Object.entries({ ...all, "content-length": `${body.length}` }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST ${pathname} HTTP/1.1\r\n${head.join("")}\r\n`);
  socket.write(body);
  await until("the answer's end", () => ended, 30_000);
  const text = Buffer.concat(got).toString("latin1");
  return { status: Number(text.split(" ")[1] ?? 0), text };
}
