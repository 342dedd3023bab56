/**
 * What the way through Airlock costs beside the bare thing, measured in turn in the same run: `npm run bench [-- --rounds 20] [--json]`.
 * Medians; a ratio of 2 says twice as long.
 */
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import type { Sha } from "../src/run/identity.ts";
import { type House, mintTestRun, openHouse } from "../test/helpers/gateway-house.ts";
import { addCommit, cleanGit } from "../test/helpers/git-upstream.ts";
import { openLoopback } from "../test/helpers/loopback.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../test/helpers/sandbox-fixture.ts";

interface Comparison {
  what: string;
  airlock(): Promise<void>;
  bare(): Promise<void>;
  /** How many of the rounds are enough, where one takes seconds. */
  share?: number;
}

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "20" }, json: { type: "boolean", default: false } },
});
await using held = new AsyncDisposableStack();
const house = held.use(await openHouse());
const results = [];
for (const comparison of [await modelCalls(house), ...(await gitTraffic(house)), sandboxes(await openTestEngine())]) {
  const { what, share = 1 } = comparison;
  const rounds = Math.max(3, Math.ceil(Number(values.rounds) * share));
  const spans = { airlock: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= rounds; round++)
    for (const side of ["airlock", "bare"] as const) {
      const startedAtMs = performance.now();
      await comparison[side]();
      // The first warms up.
      if (round > 0) spans[side].push(performance.now() - startedAtMs);
    }
  const [airlockMs, bareMs] = [medianOf(spans.airlock), medianOf(spans.bare)];
  const result = { what, rounds, airlockMs: roundTo(airlockMs), bareMs: roundTo(bareMs), ratio: roundTo(airlockMs / bareMs) };
  results.push(result);
  if (!values.json) process.stdout.write(`${what}: ${result.airlockMs} ms against ${result.bareMs} ms, ${result.ratio} times\n`);
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);

async function modelCalls({ gateway, model, openDoor }: House): Promise<Comparison> {
  const run = mintTestRun();
  const socketPath = await openDoor(run);
  const folder = socketPath.slice(0, socketPath.lastIndexOf("/"));
  // A budget, as runs have one: it is reserved on disk before each call.
  const policy = { budget: { microUsd: 1_000_000_000 }, pace: { atOnce: 8, perMinute: 10_000 } };
  await gateway.openDoor({ run, folder, model: policy });
  const usage = { input_tokens: 10, output_tokens: 10 };
  const answer = JSON.stringify({ model: "claude-sonnet-5", usage });
  model.answer = (_request, response) => void response.setHeader("content-type", "application/json").end(answer);
  const content = "word ".repeat(20_000);
  const body = JSON.stringify({ model: "claude-sonnet-5", max_tokens: 100, messages: [{ role: "user", content }] });
  const { hostname, port, pathname } = new URL(model.url);
  return {
    what: "a call of the model API with 100 kB, through a run's door against straight",
    airlock: () => post({ socketPath }, "/v1/messages?beta=true", body),
    bare: () => post({ host: hostname, port }, `${pathname}/v1/messages?beta=true`, body),
  };
}

/** A connection of its own each time, on both sides. */
async function post(to: { socketPath: string } | { host: string; port: string }, path: string, body: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  request({ ...to, path, method: "POST", headers, agent: false }, (response) => {
    response.resume();
    response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))));
  })
    .on("error", reject)
    .end(body);
  await promise;
}

async function gitTraffic(of: House): Promise<Comparison[]> {
  let tip: string | undefined;
  for (let n = 0; n < 50; n++) {
    const text = randomBytes(20_000).toString("base64");
    tip = await addCommit(of.upstream.git, { branch: "main", path: "a.txt", text, ...(tip !== undefined && { parent: tip }) });
  }
  await using transport = await of.openTransport({ of: "bases", allow: { kind: "fetch" } });
  const base = await of.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
  if (base.at !== "fetched") throw new Error(JSON.stringify(base));
  const run = mintTestRun();
  await of.git.ensureRunRepository({ run, bases: [base.base], branches: [{ name: "main", sha: tip as Sha }] });
  const loopback = held.use(await openLoopback(await of.openDoor(run)));
  const through = `${loopback.url}/git/repository.git`;
  const straight = `${of.upstream.url}/owner/name.git`;
  const header = `Authorization: Basic ${Buffer.from(`x-access-token:${of.upstream.token}`).toString("base64")}`;
  const works = { through: join(of.folder, "through"), straight: join(of.folder, "straight") };
  const git = (...args: string[]) => execa("git", args, cleanGit);
  const configOf = (url: string) => (url === straight ? ["-c", `http.extraHeader=${header}`] : []);
  const clone = async (url: string) => {
    const work = join(of.folder, randomBytes(6).toString("hex"));
    await git("clone", "--quiet", ...configOf(url), url, work);
    await rm(work, { recursive: true });
  };
  await git("clone", "--quiet", through, works.through);
  await git("clone", "--quiet", ...configOf(straight), straight, works.straight);
  const push = async (work: string) => {
    await writeFile(join(work, "b.txt"), randomBytes(30_000));
    await git("-C", work, "add", ".");
    await git("-C", work, "commit", "-qm", "work");
    await git("-C", work, "push", "-q", "origin", "HEAD:refs/heads/work");
  };
  return [
    {
      what: "a clone of 50 commits, 1 MB, through the door against straight from the server",
      airlock: () => clone(through),
      bare: () => clone(straight),
    },
    {
      what: "a commit of 30 kB, made and pushed, likewise",
      airlock: () => push(works.through),
      bare: () => push(works.straight),
    },
  ];
}

function sandboxes(from: TestEngine): Comparison {
  return {
    what: "a sealed sandbox with its own disk and its checks from inside, against a bare container of the same image",
    share: 0.25,
    airlock: async () => void (await (await openSandbox(from))[Symbol.asyncDispose]()),
    bare: async () => {
      const container = await from.engine.docker.createContainer({
        ...{ Image: from.imageId, Entrypoint: ["sh", "-c", "echo up; exec sleep 60"], HostConfig: { NetworkMode: "none" } },
      });
      await container.start();
      while ((await container.logs({ stdout: true })).length === 0);
      await container.remove({ force: true });
    },
  };
}

function medianOf(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
}

function roundTo(value: number): number {
  return Number(value.toPrecision(3));
}
