import type { Fact } from "../../src/run/fact.ts";
import type { Run } from "../../src/run/state.ts";

/** A run as the store tells it in the end. */
export interface RunSeen {
  id: string;
  issue: number;
  state: Run;
  facts: readonly { atMs: number; fact: Fact }[];
}

/** What GitHub shows of one issue in the end. */
export interface IssueSeen {
  number: number;
  /** Of the App's, on the issue. */
  comments: number;
  /** Check runs, by "external id on commit". */
  checks: readonly string[];
  /** Of the issue's branches, by head. */
  pulls: readonly string[];
  /** Commits on the run's branch that main does not have. */
  commits: number;
}

export interface Seen {
  asked: readonly number[];
  runs: readonly RunSeen[];
  issues: readonly IssueSeen[];
  killedAtMs: readonly number[];
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
  /** Of the runs whose agent worked while the App was killed, those that came to a pull request. 1 where there was none. */
  survived: number;
  /** How runs ended, counted. */
  outcomes: Record<string, number>;
  /** One line for each thing that is not as it should be. */
  faults: string[];
}

/** Pure. */
export function judge(seen: Seen): Verdict {
  const faults: string[] = [];
  const ended = seen.runs.filter(({ state }) => state.at === "ended");
  const lost = seen.asked.filter((issue) => !ended.some((run) => run.issue === issue));
  faults.push(...lost.map((issue) => `lost: #${issue} (${stateOf(seen, issue)})`));
  const twice = [...seen.runs.map(({ issue }) => issue)].filter((issue, at, all) => all.indexOf(issue) !== at);
  const doubled = [
    ...twice.map((issue) => `two runs for #${issue}`),
    ...seen.issues.flatMap((issue) => [
      ...(issue.comments > 1 ? [`${issue.comments} comments on #${issue.number}`] : []),
      ...repeated(issue.checks).map((check) => `check ${check} twice`),
      ...repeated(issue.pulls).map((head) => `two pull requests from ${head}`),
      ...(issue.commits > 1 ? [`${issue.commits} commits for #${issue.number}`] : []),
    ]),
  ];
  faults.push(...doubled.map((line) => `duplicated: ${line}`), ...seen.leftovers.map((line) => `orphan: ${line}`));
  for (const { issue, state } of ended)
    if (state.at === "ended" && state.ending.outcome !== "succeeded") faults.push(`ended: #${issue} (${stateOf(seen, issue)})`);
  const lostMints = Math.min(seen.live, seen.unanswered);
  const hit = seen.runs.filter((run) => seen.killedAtMs.some((atMs) => workedAt(run, atMs)));
  const lived = hit.filter(({ state }) => state.at === "ended" && state.ending.outcome === "succeeded");
  faults.push(
    ...hit.filter((run) => !lived.includes(run)).map((run) => `did not survive: #${run.issue} (${stateOf(seen, run.issue)})`),
  );
  return {
    kills: seen.killedAtMs.length,
    runs: seen.asked.length,
    lost: lost.length,
    duplicated: doubled.length,
    orphans: seen.leftovers.length,
    liveTokens: seen.live - lostMints,
    lostMints,
    survived: hit.length === 0 ? 1 : Math.floor((lived.length / hit.length) * 1000) / 1000,
    outcomes: count(seen.runs.map(({ state }) => (state.at === "ended" ? state.ending.outcome : state.at))),
    faults,
  };
}

function workedAt({ facts }: RunSeen, atMs: number): boolean {
  const launched = facts.find(({ fact }) => fact.is === "launched")?.atMs;
  const over = facts.find(({ fact }) => ["agent-ended", "stop-asked", "failed"].includes(fact.is))?.atMs;
  return launched !== undefined && launched <= atMs && (over === undefined || atMs < over);
}

function stateOf({ runs }: Seen, issue: number): string {
  const state = runs.find((run) => run.issue === issue)?.state;
  if (!state) return "no run";
  return state.at === "ended" ? `${state.ending.outcome}: ${state.ending.reason?.words ?? ""}` : state.at;
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
