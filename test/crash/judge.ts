import { evolve } from "../../src/run/evolve.ts";
import type { Fact } from "../../src/run/fact.ts";
import type { Outcome } from "../../src/run/outcome.ts";
import type { Place, Run } from "../../src/run/state.ts";
import { type Job, mayEndAs } from "./jobs.ts";

/** A run as the store tells it in the end. */
export interface RunSeen {
  id: string;
  /** The issue or pull request that it was asked for on. */
  subject: number;
  createdAtMs: number;
  state: Run;
  facts: readonly { atMs: number; fact: Fact }[];
}

/** What GitHub shows of one issue in the end. */
export interface IssueSeen {
  number: number;
  /** How each of the App's comments tells that its run ended, on the issue and on its pull requests; undefined where it tells of none. */
  comments: readonly { on: number; end: Outcome | undefined }[];
  /** Of the issue: how many commits `main` does not have, and what files are at its tip. */
  branches: readonly { name: string; commits: number; files: readonly string[] }[];
  /** Pull requests of these branches, by head. */
  pulls: readonly string[];
}

export interface CheckRunSeen {
  run: string;
  commit: string;
  completed: boolean;
}

export interface Kill {
  atMs: number;
  what: string;
  victim: string;
  /** There was none to kill. */
  vain: boolean;
  /** The named moment at which it came. */
  point?: string;
}

export interface Seen {
  jobs: readonly Job[];
  runs: readonly RunSeen[];
  issues: readonly IssueSeen[];
  checks: readonly CheckRunSeen[];
  kills: readonly Kill[];
  /** Containers, volumes, disks, folders, sockets and processes that are left. */
  leftovers: readonly string[];
  /** Tokens that GitHub still honours. */
  live: number;
  /** Rows of the ledger whose answer never came. */
  unanswered: number;
}

export interface Verdict {
  kills: number;
  runs: number;
  lost: number;
  duplicated: number;
  orphans: number;
  liveTokens: number;
  lostMints: number;
  /** Of the runs that were at work at a kill, those that ended as they may. 1 where there was none. */
  survived: number;
  /** How runs ended, counted. */
  outcomes: Record<string, number>;
  /** At what places of open runs kills came, counted. */
  stages: Partial<Record<Place, number>>;
  /** One line for each thing that is not as it should be. */
  faults: string[];
}

/** Pure. */
export function judge(seen: Seen): Verdict {
  const runsOf = (job: Job) => seen.runs.filter(({ subject }) => subject === job.number);
  const endedWell = (job: Job) =>
    runsOf(job).some(({ state }) => state.at === "ended" && mayEndAs[job.kind].includes(state.ending.outcome));
  const lost = seen.jobs.filter((job) => !runsOf(job).some(({ state }) => state.at === "ended"));
  const doubled = findDoubled(seen);
  const orphans = [...seen.leftovers, ...findLeftOpen(seen)];
  const hit = seen.runs.filter((run) => seen.kills.some(({ atMs }) => workedAt(run, atMs)));
  const jobOf = (run: RunSeen) => seen.jobs.find(({ number }) => number === run.subject);
  const lived = hit.filter((run) => endedWell(jobOf(run) ?? neverAsked));
  const lostMints = Math.min(seen.live, seen.unanswered);
  return {
    kills: seen.kills.length,
    runs: seen.jobs.length,
    lost: lost.length,
    duplicated: doubled.length,
    orphans: orphans.length,
    liveTokens: seen.live - lostMints,
    lostMints,
    survived: hit.length === 0 ? 1 : Math.floor((lived.length / hit.length) * 1000) / 1000,
    outcomes: count(seen.runs.map(({ state }) => (state.at === "ended" ? state.ending.outcome : state.at))),
    stages: count(seen.kills.flatMap(({ atMs }) => seen.runs.flatMap((run) => placeAt(run, atMs) ?? []))),
    faults: [
      ...lost.map((job) => `lost: ${tell(seen, job)}`),
      ...doubled.map((line) => `duplicated: ${line}`),
      ...orphans.map((line) => `orphan: ${line}`),
      ...seen.jobs
        .filter((job) => !lost.includes(job) && !endedWell(job))
        .map((job) => `ended otherwise than it may: ${tell(seen, job)}`),
      ...hit.filter((run) => !lived.includes(run)).map((run) => `did not survive: #${run.subject} (${stateWords(run.state)})`),
      ...findMissing(seen),
    ],
  };
}

const neverAsked: Job = { kind: "work", number: -1, file: "", issue: -1 };

function findDoubled({ jobs, runs, issues, checks }: Seen): string[] {
  return [
    ...repeated(runs.map(({ subject }) => `two runs for #${subject}`)),
    ...repeated(checks.map(({ run, commit }) => `check of ${run} on ${commit}`)),
    ...issues.flatMap((issue) => [
      ...repeated(issue.comments.map(({ on }) => `comment on #${on}`)),
      ...repeated(issue.pulls.map((head) => `pull request from ${head}`)),
      ...(issue.branches.length > 1 ? [`branches ${issue.branches.map(({ name }) => name).join(", ")}`] : []),
      ...issue.branches.flatMap(({ name, commits }) => {
        const wanted = jobs.filter((job) => job.issue === issue.number).length;
        return commits > wanted ? [`${commits} commits on ${name} for ${wanted} jobs`] : [];
      }),
    ]),
  ];
}

/** What GitHub goes on showing as if somebody were still at it. */
function findLeftOpen({ runs, issues, checks }: Seen): string[] {
  const ended = new Set(runs.filter(({ state }) => state.at === "ended").map(({ id }) => id));
  return [
    ...checks.filter(({ run, completed }) => !completed && ended.has(run)).map(({ run }) => `check of ${run} in progress`),
    ...issues.flatMap(({ branches, pulls }) =>
      branches.filter(({ name }) => !pulls.includes(name)).map(({ name }) => `branch ${name} without a pull request`),
    ),
  ];
}

/** Work that was said to be done and is not there, and ends that GitHub was not told. */
function findMissing({ jobs, runs, issues }: Seen): string[] {
  return jobs.flatMap((job) => {
    const run = runs.find(({ subject }) => subject === job.number);
    if (run?.state.at !== "ended") return [];
    const { outcome } = run.state.ending;
    const issue = issues.find(({ number }) => number === job.issue);
    const files = issue?.branches.flatMap((branch) => branch.files) ?? [];
    const told = issue?.comments.some(({ on, end }) => on === job.number && end === outcome);
    return [
      ...(outcome === "succeeded" && !files.includes(job.file) ? [`work is missing: ${job.file} of #${job.number}`] : []),
      ...(told ? [] : [`not told: #${job.number} ended as ${outcome}`]),
    ];
  });
}

/** The run's place at that moment; undefined where it was not there yet, or had ended. */
function placeAt({ createdAtMs, facts }: RunSeen, atMs: number): Place | undefined {
  if (createdAtMs > atMs) return undefined;
  const state = facts.filter((one) => one.atMs <= atMs).reduce((run, { fact }) => evolve(run, fact), { at: "accepted" } as Run);
  return state.at === "ended" ? undefined : state.at;
}

function workedAt(run: RunSeen, atMs: number): boolean {
  return placeAt(run, atMs) === "working";
}

function tell(seen: Seen, job: Job): string {
  const runs = seen.runs.filter(({ subject }) => subject === job.number);
  return `#${job.number}, ${job.kind} (${runs.map(({ id, state }) => `${id} ${stateWords(state)}`).join("; ") || "no run"})`;
}

function stateWords(state: Run): string {
  return state.at === "ended" ? `${state.ending.outcome}: ${state.ending.reason?.words ?? ""}` : state.at;
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}

function count<Name extends string>(names: readonly Name[]): Record<Name, number> {
  const counts = {} as Record<Name, number>;
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
