import type { CheckSeen } from "../helpers/people.ts";
import { until } from "../helpers/until.ts";
import { type Fleet, startFleet } from "./fleet.ts";

export interface ShareVerdict {
  runs: number;
  /** With a pull request and a check that says success. */
  succeeded: number;
  /** Checks, comments, pull requests beyond the one that each run has. */
  duplicated: number;
  /** Runs that were taken over from the machine that was killed. */
  takenOver: number;
  /** How many runs were begun on each machine. */
  shares: number[];
  liveTokens: number;
  /** What happened otherwise, in words. */
  faults: string[];
}

/**
 * Two workers on one PostgreSQL share so many runs; one of them is killed when both are at work, and comes back near the end, so that what
 * it had is met again. Answers what came of every run.
 */
export async function shareRuns(wish: {
  runs: number;
  placesEach: number;
  signal: AbortSignal;
  onLine(line: string): void;
}): Promise<ShareVerdict> {
  await using fleet = await startFleet({ workers: 2, placesEach: wish.placesEach });
  const { people, github, query } = fleet;
  const [first, second] = fleet.workers;
  if (!first || !second) throw new Error("two workers were asked for");
  const issues: number[] = [];
  for (let n = 0; n < wish.runs; n++) {
    const shell = `sleep 3; echo made > n${n}.txt && git add -A && git commit -qm "Add a note" && echo Added`;
    issues.push(await people.openIssue({ title: `Job ${n}`, shell }));
    await people.setLabel(issues.at(-1) as number);
  }
  await until("both machines at work", async () => (await atWork(fleet)).length === 2 || undefined);
  await first.kill();
  wish.onLine("one of the two workers is killed");
  const left = () => query<{ at: string }>("select at from runs where at <> 'ended'");
  let told = -1;
  const waitUntil = async (what: string, open: number) =>
    until(
      what,
      async () => {
        wish.signal.throwIfAborted();
        const rows = await left();
        if (rows.length !== told) wish.onLine(`${rows.length} runs are open`);
        told = rows.length;
        return rows.length <= open || undefined;
      },
      3_600_000,
    );
  await waitUntil("most runs to end", Math.floor(wish.runs / 4));
  await first.start();
  await waitUntil("all runs to end", 0);
  await github.settled();
  const verdict = await judgeShare(fleet, issues);
  for (const worker of fleet.workers) await worker.stop();
  return { ...verdict, liveTokens: github.state().tokens.live };
}

function atWork({ query }: Fleet): Promise<{ machine: string }[]> {
  return query("select distinct machine from runs where at = 'working'");
}

async function judgeShare({ query, people }: Fleet, issues: readonly number[]): Promise<Omit<ShareVerdict, "liveTokens">> {
  const faults: string[] = [];
  let succeeded = 0;
  let duplicated = 0;
  for (const issue of issues) {
    const branch = `agent/issue-${issue}`;
    const { json: pulls } = await people.ask("maintainer", "GET", `/pulls?state=all&head=acme:${branch}`);
    const tip = await people.tipOf(branch);
    const checks: CheckSeen[] = tip === undefined ? [] : await people.checksOn(tip);
    const answers = await people.answersOn(issue);
    if (pulls.length === 1 && checks.length === 1 && checks[0]?.conclusion === "success") succeeded++;
    else faults.push(`#${issue}: ${pulls.length} pull requests, checks ${checks.map((each) => each.conclusion).join(" ")}`);
    duplicated += [pulls, checks, answers].reduce((sum, each) => sum + Math.max(0, each.length - 1), 0);
  }
  const runs = await query<{ id: string }>("select id from runs");
  if (runs.length !== issues.length) faults.push(`${runs.length} runs came of ${issues.length} requests`);
  for (const { id, ending } of await query<{ id: string; ending: string }>(
    "select id, state->>'ending' as ending from runs where state->'ending'->>'outcome' is distinct from 'succeeded'",
  ))
    faults.push(`${id} ended ${ending}`);
  const moved = await query<{ run: string }>("select distinct run from facts where fact->>'is' = 'moved'");
  const shares = await query<{ n: number }>("select count(*)::int as n from runs group by machine order by machine");
  const labelled = await Promise.all(issues.map((issue) => people.labelsOf(issue)));
  if (labelled.some((labels) => labels.length > 0)) faults.push("labels are left");
  return { runs: issues.length, succeeded, duplicated, takenOver: moved.length, shares: shares.map(({ n }) => n), faults };
}
