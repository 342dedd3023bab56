import { rename, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { answerJson, readBody } from "../../privilege/control-server.ts";
import { parseRunId, parseSha, type RunId, type Sha } from "../../run/identity.ts";
import { parseBranchName } from "../names.ts";
import { gitEnvironment } from "./environment.ts";
import { demandGit } from "./run-git.ts";
import type { RunRepositories } from "./run-repositories.ts";

/** A run's repository beside its objects. */
export interface RepositoryShape {
  /** The branch that HEAD names. */
  head: string;
  /** Branches and tags, by their full names. */
  refs: { name: string; sha: Sha }[];
  /** Commits that no ref reaches, and that are needed all the same. */
  commits: Sha[];
}

const longestMs = 600_000;
const mostHeadBytes = 16 * 1024 * 1024;

/** `POST /pack`: all objects that the wanted ones reach, those of the bases too, as one pack. Safe while an agent pushes: nothing is ever taken out. */
export async function sendPack(repositories: RunRepositories, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request, mostHeadBytes);
  const { run, wants } = JSON.parse(body?.toString("utf8") ?? "{}") as { run: unknown; wants: unknown[] };
  const id = demand(parseRunId(run), "run");
  if (!(await repositories.has(id)))
    return answerJson(response, 404, { code: "git.repository-missing", message: "no such repository" });
  const child = execa("git", ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"], {
    ...{ extendEnv: false, env: gitEnvironment({ extra: { GIT_DIR: repositories.path(id) } }), cwd: repositories.path(id) },
    ...{
      input: `${wants.map((want) => demand(parseSha(want), "wants")).join("\n")}\n`,
      stdout: "pipe",
      buffer: { stdout: false },
    },
    ...{ maxBuffer: 65_536, timeout: longestMs, reject: false },
  });
  response.once("close", () => child.kill());
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    if (response.destroyed) break;
    if (!response.write(chunk)) await Promise.race([onceEvent(response, "drain"), onceEvent(response, "close")]);
  }
  const result = await child;
  if (result.exitCode === 0) response.end();
  // Broken off, so that nobody takes a beginning for the whole.
  else if (response.headersSent) response.destroy();
  else answerJson(response, 500, { code: "git.pack", message: `git pack-objects: ${`${result.stderr}`.slice(0, 500)}` });
}

/**
 * `POST /unpack`: the repository's shape as JSON, as long as the header `airlock-head` says, and then the pack. Makes the run's repository
 * out of it, whole or not at all; leaves one that is there as it is.
 */
export async function takePack(repositories: RunRepositories, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: AsyncIterator<Buffer> = request[Symbol.asyncIterator]();
  const { head, rest } = await splitHead(chunks, Number(request.headers["airlock-head"]));
  const wish = parseShape(JSON.parse(head.toString("utf8")));
  const pack = async function* () {
    yield rest;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  };
  if (await repositories.has(wish.run)) {
    // Read to its end: whoever sends would otherwise meet a broken connection.
    for await (const _ of pack());
    return answerJson(response, 200, { made: false });
  }
  const folder = join(repositories.folder, `new-${crypto.randomUUID()}`);
  try {
    await demandGit({ args: ["init", "--quiet", "--bare", "--template=", "--end-of-options", folder] });
    // It leans on no base: all is in its own pack.
    await writeFile(join(folder, "objects", "info", "alternates"), "");
    await unpack(folder, pack());
    const wanted = [...wish.refs.map(({ sha }) => sha), ...wish.commits];
    const input = Buffer.from(`${wanted.join("\n")}\n`);
    // All that they reach is there, or git says what is not.
    await demandGit({ gitDir: folder, args: ["rev-list", "--objects", "--quiet", "--stdin"], input, timeoutMs: longestMs });
    for (const { name, sha } of wish.refs) await demandGit({ gitDir: folder, args: ["update-ref", name, sha, ""] });
    await demandGit({ gitDir: folder, args: ["symbolic-ref", "HEAD", `refs/heads/${wish.head}`] });
    await rename(folder, repositories.path(wish.run));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  answerJson(response, 200, { made: true });
}

async function unpack(gitDir: string, pack: AsyncIterable<Buffer>): Promise<void> {
  const child = execa("git", ["index-pack", "--stdin"], {
    ...{ extendEnv: false, env: gitEnvironment({ extra: { GIT_DIR: gitDir } }), cwd: gitDir },
    ...{ stdin: "pipe", timeout: longestMs, reject: false, maxBuffer: 65_536 },
  });
  // Git ended before it had read all: its own words say why.
  await pipeline(pack, child.stdin).catch(() => {});
  const result = await child;
  if (result.exitCode !== 0) throw new Error(`git index-pack: ${`${result.stderr}`.slice(0, 500)}`);
}

async function splitHead(chunks: AsyncIterator<Buffer>, headBytes: number): Promise<{ head: Buffer; rest: Buffer }> {
  if (!Number.isSafeInteger(headBytes) || headBytes <= 0 || headBytes > mostHeadBytes) throw new Error("the head has no length");
  let seen = Buffer.alloc(0);
  while (seen.length < headBytes) {
    const next = await chunks.next();
    if (next.done) throw new Error("the request ends in its head");
    seen = Buffer.concat([seen, next.value]);
  }
  return { head: seen.subarray(0, headBytes), rest: seen.subarray(headBytes) };
}

function parseShape(input: Record<string, unknown>): RepositoryShape & { run: RunId } {
  const refs = (input.refs as { name: unknown; sha: unknown }[]).map(({ name, sha }) => ({
    name: demand(parseRefName(name), "ref"),
    sha: demand(parseSha(sha), "sha"),
  }));
  return {
    run: demand(parseRunId(input.run), "run"),
    head: demand(parseBranchName(input.head), "head"),
    refs,
    commits: (input.commits as unknown[]).map((commit) => demand(parseSha(commit), "commit")),
  };
}

/** A branch or a tag: all that an agent's git may write. */
export function parseRefName(text: unknown): string | undefined {
  const match = typeof text === "string" ? /^refs\/(?:heads|tags)\/(.+)$/s.exec(text) : null;
  return match && parseBranchName(match[1]) !== undefined ? match[0] : undefined;
}

function onceEvent(response: ServerResponse, name: string): Promise<void> {
  return new Promise((resolve) => response.once(name, () => resolve()));
}

function demand<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not what it should be`);
  return value;
}
