import type { Fact } from "../run/fact.ts";
import type { RunLimits } from "../run/limits.ts";
import { type LimitName, printLimit } from "../run/limits.ts";
import type { Met } from "../run/met.ts";

/** What a run's limits had to do with it, a sentence each: what it was not given, and what it ran into. Pure. */
export function limitNotes(facts: readonly { fact: Fact }[]): string[] {
  const limits = facts.map(({ fact }) => (fact.is === "prepared" ? fact.limits : undefined)).find((found) => found !== undefined);
  const notes = facts.flatMap(({ fact }) => {
    if (fact.is === "prepared") return fact.told ?? [];
    if (fact.is === "limit-met") return [metNote(fact.limit, limits)];
    // Where nobody looked while it ran, the engine has at least kept this.
    if (fact.is === "agent-ended" && fact.oomKilled) return [metNote("memory", limits)];
    if (fact.is === "nudged") return [nudgeNotes[fact.why]];
    return [];
  });
  return [...new Set(notes)];
}

const nudgeNotes = {
  stall: "Nothing was seen of the agent for a while, and it was told so.",
  loop: "The agent made the same call again and again, and was told so.",
};

function metNote(met: Met, limits: RunLimits | undefined): string {
  const { words, limit, setting } = metWords[met];
  const most = limits?.[limit];
  return `${words}${most === undefined ? "" : ` (${printLimit(limit, most)})`}. ${setting} sets the limit.`;
}

/** What each limit that was run into did. */
export const metWords: Readonly<Record<Met, { short: string; words: string; limit: LimitName; setting: string }>> = {
  memory: {
    short: "memory: a process was killed",
    words: "A process was killed because the sandbox's memory was used up",
    limit: "memoryBytes",
    setting: "AIRLOCK_MEMORY",
  },
  processes: {
    short: "processes: one more was refused",
    words: "The sandbox reached its number of processes, and more were refused",
    limit: "processes",
    setting: "AIRLOCK_PIDS",
  },
  disk: {
    short: "disk: it was full",
    words: "The sandbox's disk was full",
    limit: "diskBytes",
    setting: "AIRLOCK_DISK",
  },
  inodes: {
    short: "files: the disk took no more",
    words: "The sandbox's disk held as many files and folders as it may",
    limit: "diskFiles",
    setting: "AIRLOCK_INODES",
  },
  cpus: {
    short: "processors: it was slowed down",
    words: "The agent was slowed down most of the time, since it used all of its processors",
    limit: "cpus",
    setting: "AIRLOCK_CPUS",
  },
};
