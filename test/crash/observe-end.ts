import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { observeProcesses } from "../../src/cli/test/processes.ts";
import { git } from "../../src/local/github/git.ts";
import type { LocalGitHub } from "../../src/local/github/start.ts";
import { parseEndMark } from "../../src/report/end-mark.ts";
import { engineLabels } from "../../src/run/identity.ts";
import type { Engine } from "../../src/sandbox/engine.ts";
import { Secret } from "../../src/secret/secret.ts";
import { readPlaceSettings } from "../../src/settings.ts";
import { openStore } from "../../src/store/open.ts";
import { factsOf } from "../../src/store/queries/facts.ts";
import type { People } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";
import type { Jobs } from "./jobs.ts";
import type { CheckRunSeen, IssueSeen, RunSeen, Seen } from "./judge.ts";
import type { Stage } from "./stage.ts";

/** Waits until GitHub shows no run at work, or the time is over: what has no end by then counts as lost. */
export async function observeRuns(jobs: Jobs, withinMs: number): Promise<void> {
  await until("all runs to end", async () => (await jobs.open()).length === 0, withinMs).catch(() => {});
}

/** Stops the App in good order and looks at what is left of everything. */
export async function observeEnd(stage: Stage): Promise<Omit<Seen, "jobs" | "kills">> {
  const { app, github, people, jobs, engine, dataFolder, databaseUrl } = stage;
  const place = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  // What ended a moment ago is still being taken away.
  const leftovers = await settledLeftovers(engine, place.instance, dataFolder);
  await app.stop();
  if (existsSync(place.runtimeFolder))
    leftovers.push(`folder ${place.runtimeFolder}: ${(await readdir(place.runtimeFolder)).join(" ")}`);
  const root = join(import.meta.dirname, "../..");
  const processes = await observeProcesses({ engineSocket: undefined, temporaryFolder: dataFolder, root, place });
  leftovers.push(...processes.filter(({ instance }) => instance === place.instance).map(({ name }) => name));

  const { runs, unanswered } = await readStore(dataFolder, databaseUrl);
  const issues: IssueSeen[] = [];
  for (const number of new Set(jobs.all.map(({ issue }) => issue))) issues.push(await readIssue(github, people, jobs, number));
  return { runs, issues, checks: readChecks(github), leftovers, live: github.state().tokens.live, unanswered };
}

async function settledLeftovers(engine: Engine, instance: string, dataFolder: string): Promise<string[]> {
  let left: string[] = [];
  await until(
    "nothing to be left",
    async () => {
      left = await engineLeftovers(engine, instance, dataFolder);
      return left.length === 0;
    },
    60_000,
  ).catch(() => {});
  return left;
}

async function engineLeftovers({ docker }: Engine, instance: string, dataFolder: string): Promise<string[]> {
  const filters = { label: [`${engineLabels.instance}=${instance}`] };
  const containers = await docker.listContainers({ all: true, filters });
  const volumes = (await docker.listVolumes({ filters })).Volumes ?? [];
  const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const folders = await readdir(join(runtimeFolder, "runs")).catch(() => []);
  const transports = await readdir(join(runtimeFolder, "t")).catch(() => []);
  const repositories = await readdir(join(dataFolder, "git", "runs")).catch(() => []);
  const names = volumes.map(({ Mountpoint }) => Mountpoint);
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((line) => line.split(" ")[4] ?? "");
  return [
    ...containers.map(({ Names }) => `container ${Names.join()}`),
    ...volumes.map(({ Name }) => `volume ${Name}`),
    ...folders.map((name) => `run folder ${name}`),
    ...transports.map((name) => `transport ${name}`),
    ...repositories.filter((name) => name.endsWith(".git")).map((name) => `repository ${name}`),
    ...mounts.filter((point) => names.includes(point) || point.includes(instance)).map((point) => `mount ${point}`),
  ];
}

async function readStore(folder: string, databaseUrl: string | undefined): Promise<{ runs: RunSeen[]; unanswered: number }> {
  const url = databaseUrl === undefined ? undefined : new Secret(databaseUrl);
  await using store = await openStore({ folder, databaseUrl: url, onQueueError: () => {} });
  const columns = ["id", "subject_number", "created_at_ms", "state"] as const;
  const rows = await store.db.selectFrom("runs").select(columns).orderBy("created_at_ms").execute();
  const runs: RunSeen[] = [];
  for (const { id, subject_number: subject, created_at_ms: createdAtMs, state } of rows)
    runs.push({ id, subject, createdAtMs: Number(createdAtMs), state, facts: await factsOf(store.db, id) });
  const minting = await store.db.selectFrom("grants").select("id").where("state", "=", "minting").execute();
  return { runs, unanswered: minting.length };
}

async function readIssue(github: LocalGitHub, people: People, jobs: Jobs, number: number): Promise<IssueSeen> {
  const { json } = await people.ask("maintainer", "GET", "/pulls?state=all&per_page=100");
  const pulls = (json as { head: { ref: string } }[]).map(({ head }) => head.ref);
  const folder = github.gitFolder("acme", "shop");
  const refs = await git(folder, ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/agent"]);
  const isMine = (name: string) => name === `agent/issue-${number}` || name.startsWith(`agent/issue-${number}-`);
  const branches: IssueSeen["branches"][number][] = [];
  for (const name of refs.split("\n").filter(isMine)) {
    const commits = await git(folder, ["rev-list", "--count", `main..refs/heads/${name}`]);
    const files = await git(folder, ["ls-tree", "--name-only", `refs/heads/${name}`]);
    branches.push({ name, commits: Number(commits), files: files.split("\n") });
  }
  const comments: IssueSeen["comments"][number][] = [];
  for (const job of jobs.all.filter(({ issue }) => issue === number))
    for (const { body } of await people.answersOn(job.number))
      comments.push({ on: job.number, end: parseEndMark(body)?.outcome });
  return { number, comments, branches, pulls: pulls.filter(isMine) };
}

/** Also those on commits that no branch has any more. */
function readChecks({ world }: LocalGitHub): CheckRunSeen[] {
  return [...world.repositories.values()].flatMap(({ checkRuns }) =>
    [...checkRuns.values()].map(({ externalId, suite, status }) => ({
      ...{ run: externalId, commit: suite.headSha, completed: status === "completed" },
    })),
  );
}
