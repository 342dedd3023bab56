import { setTimeout as wait } from "node:timers/promises";
import { parseEndMark } from "../../src/report/end-mark.ts";
import { labels } from "../../src/run/labels.ts";
import type { Outcome } from "../../src/run/outcome.ts";
import { type People, shellBlock } from "../helpers/people.ts";
import { createDice, type Dice } from "./dice.ts";

/** What was asked for, and where: on an issue, or ("again") on the pull request of an earlier job. */
export interface Job {
  kind: "work" | "nothing" | "stop" | "again";
  number: number;
  /** What the agent makes, on the branch that is to have it. */
  file: string;
  /** The issue whose branch the work goes to. */
  issue: number;
}

/** How a job may end, whoever is killed meanwhile. One that is stopped may have been done before. */
export const mayEndAs: Readonly<Record<Job["kind"], readonly Outcome[]>> = {
  work: ["succeeded"],
  again: ["succeeded"],
  nothing: ["no_changes"],
  stop: ["cancelled", "succeeded"],
};

export interface Jobs {
  all: readonly Job[];
  askOne(): Promise<void>;
  /** Those that GitHub does not show as ended. */
  open(): Promise<Job[]>;
  /** When nobody is about to stop something any more. */
  settled(): Promise<void>;
}

/** A stream of requests, by people. */
export function createJobs(people: People, seed: number): Jobs {
  const all: Job[] = [];
  const ended = new Set<Job>();
  const stopping: Promise<void>[] = [];
  const isOpen = async (job: Job): Promise<boolean> => {
    if (ended.has(job)) return false;
    const told = (await people.answersOn(job.number)).some(({ body }) => parseEndMark(body) !== undefined);
    // The last that the App does on GitHub for a run is to take its labels away.
    if (!told || (job.kind !== "again" && (await people.labelsOf(job.number)).length > 0)) return true;
    ended.add(job);
    return false;
  };
  const open = async () => {
    const still: Job[] = [];
    for (const job of all) if (await isOpen(job)) still.push(job);
    return still;
  };
  const findEarlier = async (): Promise<{ job: Job; pull: number } | undefined> => {
    const { json } = await people.ask("maintainer", "GET", "/pulls?state=open&per_page=100");
    const pulls = json as { number: number; head: { ref: string } }[];
    for (const job of all) {
      if (job.kind !== "work" || !ended.has(job) || all.some(({ kind, issue }) => kind === "again" && issue === job.issue))
        continue;
      const pull = pulls.find(({ head }) => head.ref === `agent/issue-${job.issue}`);
      if (pull) return { job, pull: pull.number };
    }
    return undefined;
  };
  const kindOf = (dice: Dice): Job["kind"] => {
    const chance = dice.roll();
    if (chance < 0.12) return "nothing";
    if (chance < 0.24) return "stop";
    return chance < 0.34 ? "again" : "work";
  };
  return {
    all,
    open,
    async settled() {
      await Promise.all(stopping);
    },
    async askOne() {
      const nth = all.length;
      // Of its own, so that one request is the same whatever became of the others.
      const dice = createDice(seed * 7_919 + nth);
      const kind = kindOf(dice);
      const file = `n${nth}.txt`;
      const pause = `sleep ${(dice.span(500, 9_000) / 1000).toFixed(1)}`;
      const afterMs = dice.span(500, 12_000);
      const work = `${pause}; echo made > ${file} && git add -A && git commit -qm "Add a note" && echo Added`;
      const earlier = kind === "again" ? await findEarlier() : undefined;
      if (earlier) {
        await people.comment(earlier.pull, `/agent fix\n${shellBlock(work)}`);
        all.push({ kind: "again", number: earlier.pull, file, issue: earlier.job.issue });
        return;
      }
      const shell = kind === "nothing" ? `${pause}; echo Nothing to do` : work;
      const issue = await people.openIssue({ title: `Job ${nth}`, shell });
      await people.setLabel(issue);
      all.push({ kind: kind === "again" ? "work" : kind, number: issue, file, issue });
      if (kind !== "stop") return;
      // Where the label is not there, the run has not begun or has ended: then it is not stopped.
      stopping.push(wait(afterMs).then(() => people.takeLabel(issue, labels.working).catch(() => {})));
    },
  };
}
