import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalGitHub } from "../../src/local/github/start.ts";
import { startLocalModel } from "../../src/local/model/server.ts";
import { decideOrphans } from "../../src/reconcile/orphans.ts";
import { engineLabels, parseRunId, type RunId } from "../../src/run/identity.ts";
import { observeRemains } from "../../src/sandbox/remains.ts";
import { removeSandbox } from "../../src/sandbox/sandboxes.ts";
import { childEnvironment, readPlaceSettings } from "../../src/settings.ts";
import { ensureMachine, type Machine } from "../../src/setup/machine.ts";
import { type CommandFrame, completeSettings, openCommandFrame } from "../helpers/command.ts";
import { createPeople, signOfLife } from "../helpers/people.ts";
import { expectNothingLeft, helpersOf } from "../helpers/remains.ts";
import { until } from "../helpers/until.ts";

const docker = new Docker({ socketPath: "/var/run/docker.sock" });
let frame: CommandFrame;
let machine: Machine;
beforeAll(async () => {
  machine = await ensureMachine({ provision: false, env: childEnvironment(), signal: AbortSignal.timeout(300_000) });
  frame = await openCommandFrame();
}, 400_000);
afterAll(() => frame?.[Symbol.asyncDispose]());

/** All that the machine has of one instance, by whose it is: engine, mounts, sockets, repositories. */
async function tracesOf(dataFolder: string): Promise<string[]> {
  const { instance, runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const filters = { label: [`${engineLabels.instance}=${instance}`] };
  const [containers, { Volumes }, networks, mounts] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
    readFile("/proc/self/mountinfo", "utf8"),
  ]);
  const runOf = (labels: Record<string, string> | undefined) => labels?.[engineLabels.run] ?? "";
  const disks = (Volumes ?? []).filter(({ Mountpoint }) => mounts.includes(` ${Mountpoint} `));
  const names = async (folder: string) => readdir(folder).catch(() => []);
  return [
    ...containers.map(({ Labels }) => `container ${Labels[engineLabels.role]} ${runOf(Labels)}`),
    ...(Volumes ?? []).map(({ Labels }) => `volume ${runOf(Labels)}`),
    ...disks.map(({ Labels }) => `disk ${runOf(Labels)}`),
    ...networks.map(({ Labels }) => `network ${runOf(Labels)}`),
    ...(await names(join(runtimeFolder, "runs"))).map((run) => `door ${run}`),
    ...(await names(join(dataFolder, "git/runs"))).map((name) => `repository ${name.replace(".git", "")}`),
    ...(await names(join(dataFolder, "spool"))).flatMap((name) =>
      parseRunId(name.slice(0, 16)) ? `record ${name.slice(0, 16)}` : [],
    ),
  ].sort();
}

describe("what an App that was killed with -9 leaves", { timeout: 180_000 }, () => {
  it("goes at the next start where it is of a trial; the run goes on; and another instance's things stay", async () => {
    const data = join(frame.folder, "data");
    await using _ = { [Symbol.asyncDispose]: () => clear(data) };
    await using github = await startLocalGitHub({ folder: join(frame.folder, "github") });
    const model = await startLocalModel({ key: "sk-of-the-tests" });
    await using held = new AsyncDisposableStack();
    held.defer(() => model.close());
    const { id, privateKey, webhookSecret } = github.app;
    const env = {
      ...completeSettings(data),
      ...{ APP_ID: `${id}`, PRIVATE_KEY: privateKey, WEBHOOK_SECRET: webhookSecret },
      ...{ GHE_HOST: github.host, GHE_PROTOCOL: "http", HOST: "127.0.0.1", ANTHROPIC_BASE_URL: model.url, LOG_FORMAT: "json" },
    };
    const people = createPeople(github);
    const first = frame.start(["start", "--json"], env);
    github.setWebhook((await first.told()).webhook);
    const issue = await people.openIssue({ shell: `${signOfLife}; sleep 600` });
    await people.setLabel(issue);
    const listed = async () => JSON.parse((await frame.run(["runs", "list", "--json", "--data", data])).out).runs[0];
    const run: RunId = await until("the run at work", async () => {
      const line = await listed();
      return line?.state === "working" && line.id;
    });
    const trial = frame.start([
      "sandbox",
      "exec",
      "--data",
      data,
      "--repo",
      "acme/shop",
      "--",
      "bash",
      "-c",
      "echo begun; sleep 600",
    ]);
    await until("the trial at work", () => trial.out().includes("begun"));
    const foreign = await held.adopt(await makeForeign(machine, run), (it) => it.remove());

    first.signal("SIGKILL");
    await first.ended();
    trial.signal("SIGKILL");
    await trial.ended();
    // The control: it is all there, and nothing of it goes by itself.
    const left = await tracesOf(data);
    const ofTrial = left.filter((trace) => !trace.includes(run));
    expect(ofTrial.map((trace) => trace.split(" ").slice(0, -1).join(" "))).toEqual([
      ...["container sandbox", "disk", "door", "record", "repository", "volume"],
    ]);

    const second = frame.start(["start", "--json"], env);
    held.defer(async () => {
      second.signal("SIGTERM");
      await second.ended();
    });
    github.setWebhook((await second.told()).webhook);
    await until("the orphans to be gone", async () => (await tracesOf(data)).every((trace) => trace.includes(run)), 60_000);
    expect(await tracesOf(data)).toEqual(left.filter((trace) => trace.includes(run)));
    expect(second.err()).toContain("orphans removed");
    expect((await listed()).state).toBe("working");
    expect(await foreign.there()).toEqual([true, true, true]);

    await frame.run(["runs", "cancel", run, "--data", data]);
    await until("the run's end", async () => (await listed()).state === "ended" || (await listed()).outcome);
    expect(await foreign.there()).toEqual([true, true, true]);
    expect(await tracesOf(data)).toEqual([]);
  });

  it("goes at the next command where nobody starts on its data folder again, firewalled and all; a living one's stays", async () => {
    const living = frame.start(["dev", "--json"]);
    const { data: kept } = await living.told();
    const killed = frame.start(["dev", "--json", "--mode", "firewalled"]);
    const { data, github, tokens } = await killed.told();
    await using _ = { [Symbol.asyncDispose]: () => clear(data) };
    const people = createPeople({ api: github, users: { maintainer: { token: tokens.maintainer } } } as never);
    await people.setLabel(await people.openIssue({ shell: "sleep 600" }));
    const names = async () => (await tracesOf(data)).map((trace) => trace.split(" ").slice(0, -1).join(" "));
    await until("the run at work", async () => (await names()).includes("container sandbox"));
    const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder: data });
    killed.signal("SIGKILL");
    await killed.ended();
    const spaces = await namespaces();
    expect(spaces.filter((name) => existsSync(join(frame.folder, `airlock-internet-${name.slice(8)}`)))).toHaveLength(1);
    expect(await names()).toEqual(
      expect.arrayContaining(["container namespace", "container sandbox", "disk", "door", "network", "repository", "volume"]),
    );
    expect([existsSync(data), existsSync(runtimeFolder), (await helpersOf(data)).length]).toEqual([true, true, 3]);

    const next = await frame.run(["sandbox", "verify", "--local", "--json"]);
    expect(next.code, next.err).toBe(0);
    await expectNothingLeft(data);
    expect(await tracesOf(data)).toEqual([]);
    expect(existsSync(data)).toBe(false);
    expect((await namespaces()).filter((name) => existsSync(join(frame.folder, `airlock-internet-${name.slice(8)}`)))).toEqual(
      [],
    );
    expect(existsSync(kept)).toBe(true);
    expect((await helpersOf(kept)).length).toBe(3);
    living.signal("SIGINT");
    await living.ended();
    await expectNothingLeft(kept);
  });
});

it("only what was there before anybody was asked who lives, and whom nobody claims, is an orphan", () => {
  const [one, two, three] = ["a".repeat(16), "b".repeat(16), "c".repeat(16)] as RunId[] as [RunId, RunId, RunId];
  expect(decideOrphans(new Set([one, two]), new Set([two, three]))).toEqual([one]);
});

/** Where the test fails, nothing of it stays on the machine. */
async function clear(dataFolder: string): Promise<void> {
  const { instance, runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  for (const run of await observeRemains(machine.engine, { instance })) await removeSandbox(machine.engine, { instance, run });
  await rm(runtimeFolder, { recursive: true, force: true });
}

async function namespaces(): Promise<string[]> {
  const { stdout } = await execa("ip", ["netns", "list"]);
  return stdout.split("\n").map((line) => line.split(" ")[0] ?? "");
}

/** What another Airlock on the same engine might have: labelled with the same run, by another instance; and one that only has the name. */
async function makeForeign(of: Machine, run: RunId) {
  const labels = { [engineLabels.instance]: "ffffffffffff", [engineLabels.run]: run, [engineLabels.role]: "sandbox" };
  const image = { Image: of.image.id, Cmd: [], HostConfig: { NetworkMode: "none" } };
  const [theirs, nameless] = await Promise.all([
    docker.createContainer({ ...image, name: `airlock-foreign-${run}`, Labels: labels }),
    docker.createContainer({ ...image, name: `airlock-${"z".repeat(15)}2` }),
  ]);
  const volume = `airlock-foreign-${run}`;
  await docker.createVolume({ Name: volume, Labels: labels });
  const things = [theirs, nameless, docker.getVolume(volume)];
  return {
    there: () =>
      Promise.all(
        things.map((thing) =>
          thing.inspect().then(
            () => true,
            () => false,
          ),
        ),
      ),
    remove: async () => {
      for (const thing of things) await thing.remove();
    },
  };
}
