import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import Docker from "dockerode";
import { observeProcesses } from "../../src/cli/test/processes.ts";
import { git } from "../../src/local/github/git.ts";
import type { LocalGitHub } from "../../src/local/github/start.ts";
import { engineLabels } from "../../src/run/identity.ts";
import { Secret } from "../../src/secret/secret.ts";
import { readPlaceSettings } from "../../src/settings.ts";
import { openStore } from "../../src/store/open.ts";
import { factsOf } from "../../src/store/queries/facts.ts";
import type { People } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";
import type { AppProcess } from "./app-process.ts";
import type { IssueSeen, RunSeen, Seen } from "./judge.ts";

/** Waits until GitHub shows no run at work, or the time is over: what has no end by then counts as lost. */
export async function observeRuns(of: {
  people: People;
  github: LocalGitHub;
  asked: readonly number[];
  withinMs: number;
}): Promise<void> {
  const { people, asked, withinMs } = of;
  const works = async (issue: number) => {
    const labels = await people.labelsOf(issue);
    // The App takes both away when the run has ended.
    return labels.length > 0;
  };
  await until(
    "all runs to end",
    async () => {
      for (const issue of asked) if (await works(issue)) return false;
      return true;
    },
    withinMs,
  ).catch(() => {});
}

/** Stops the App in good order and looks at what is left of everything. */
export async function observeEnd(of: {
  app: AppProcess;
  github: LocalGitHub;
  people: People;
  asked: readonly number[];
  dataFolder: string;
  databaseUrl: string | undefined;
}): Promise<Omit<Seen, "asked" | "killedAtMs">> {
  const { app, github, people, asked, dataFolder, databaseUrl } = of;
  const place = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  // What ended a moment ago is still being taken away.
  const leftovers = await settledLeftovers(place.instance, dataFolder);
  await app.stop();
  if (existsSync(place.runtimeFolder))
    leftovers.push(`folder ${place.runtimeFolder}: ${(await readdir(place.runtimeFolder)).join(" ")}`);
  const root = join(import.meta.dirname, "../..");
  const processes = await observeProcesses({ engineSocket: undefined, temporaryFolder: dataFolder, root, place });
  leftovers.push(...processes.filter(({ instance }) => instance === place.instance).map(({ name }) => name));

  const { runs, unanswered } = await readStore(dataFolder, databaseUrl);
  const issues: IssueSeen[] = [];
  for (const number of asked) issues.push(await readIssue(github, people, number));
  return { runs, issues, leftovers, live: github.state().tokens.live, unanswered };
}

async function settledLeftovers(instance: string, dataFolder: string): Promise<string[]> {
  let left: string[] = [];
  await until(
    "nothing to be left",
    async () => {
      left = await engineLeftovers(instance, dataFolder);
      return left.length === 0;
    },
    60_000,
  ).catch(() => {});
  return left;
}

async function engineLeftovers(instance: string, dataFolder: string): Promise<string[]> {
  const docker = new Docker({ socketPath: "/var/run/docker.sock" });
  const filters = { label: [`${engineLabels.instance}=${instance}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const volumes = (await docker.listVolumes({ filters })).Volumes ?? [];
  const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const folders = await readdir(join(runtimeFolder, "runs")).catch(() => []);
  const transports = await readdir(join(runtimeFolder, "t")).catch(() => []);
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").filter((line) => line.includes(instance));
  return [
    ...containers.map(({ Names }) => `container ${Names.join()}`),
    ...volumes.map(({ Name }) => `volume ${Name}`),
    ...folders.map((name) => `run folder ${name}`),
    ...transports.map((name) => `transport ${name}`),
    ...mounts.map((line) => `mount ${line.split(" ")[4]}`),
  ];
}

async function readStore(folder: string, databaseUrl: string | undefined): Promise<{ runs: RunSeen[]; unanswered: number }> {
  const url = databaseUrl === undefined ? undefined : new Secret(databaseUrl);
  await using store = await openStore({ folder, databaseUrl: url, onQueueError: () => {} });
  const rows = await store.db.selectFrom("runs").select(["id", "subject_number", "state"]).orderBy("created_at_ms").execute();
  const runs: RunSeen[] = [];
  for (const row of rows)
    runs.push({ id: row.id, issue: row.subject_number, state: row.state, facts: await factsOf(store.db, row.id) });
  const minting = await store.db.selectFrom("grants").select("id").where("state", "=", "minting").execute();
  return { runs, unanswered: minting.length };
}

async function readIssue(github: LocalGitHub, people: People, number: number): Promise<IssueSeen> {
  const { json: pulls } = await people.ask("maintainer", "GET", "/pulls?state=all&per_page=100");
  const branch = `agent/issue-${number}`;
  const mine = (pulls as { head: { ref: string } }[])
    .map(({ head }) => head.ref)
    .filter((ref) => ref === branch || ref.startsWith(`${branch}-`));
  const log = await git(github.gitFolder("acme", "shop"), ["log", "--format=%H", `main..refs/heads/${branch}`]).catch(() => "");
  const commits = log.split("\n").filter((line) => line !== "");
  const checks: string[] = [];
  for (const commit of commits)
    for (const check of await people.checksOn(commit)) checks.push(`${check.external_id} on ${commit}`);
  return { number, comments: (await people.answersOn(number)).length, checks, pulls: mine, commits: commits.length };
}
