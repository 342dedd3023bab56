import type { RunId } from "./identity.ts";

/** A run that could begin, or go on, if it had a place. */
export interface InLine {
  run: RunId;
  repositoryId: number;
  /** Higher goes first. */
  priority: number;
  /** What its machine must offer. */
  needs: readonly string[];
  /** The machine that has its home and working tree; undefined: any may take it. */
  machine?: string;
  sinceMs: number;
}

/** Who holds a place now. */
export interface Placed {
  run: RunId;
  repositoryId: number;
  machine: string;
}

export interface PlaceLimits {
  /** Of this machine. */
  machine: number;
  /** Of all machines together, and of one repository on all of them. Undefined: without limit. */
  total?: number;
  repository?: number;
}

/**
 * ◆ Which runs of the line may take a place on this machine now. Fair between repositories: the next place goes to the one that has the
 * fewest, so that fifty issues labelled at once in one of them do not keep the others waiting. Priority comes before that, age after it.
 */
export function decideTurns(of: {
  line: readonly InLine[];
  placed: readonly Placed[];
  here: { machine: string; labels: readonly string[] };
  limits: PlaceLimits;
}): RunId[] {
  const { here, limits, placed } = of;
  const free = Math.min(
    limits.machine - placed.filter(({ machine }) => machine === here.machine).length,
    (limits.total ?? Number.POSITIVE_INFINITY) - placed.length,
  );
  return inOrder(
    of.line.filter((each) => fits(each, here)),
    placed,
  )
    .filter(({ beside }) => beside < (limits.repository ?? Number.POSITIVE_INFINITY))
    .slice(0, Math.max(0, free))
    .map(({ run }) => run);
}

/** ◆ Where a run stands in the line of all machines, from 1, as far as places alone decide; 0: it is not in it. */
export function decidePosition(run: RunId, { line, placed }: { line: readonly InLine[]; placed: readonly Placed[] }): number {
  return inOrder(line, placed).findIndex((each) => each.run === run) + 1;
}

/** `beside`: how many of its repository have a place when its turn comes. */
function inOrder(line: readonly InLine[], placed: readonly Placed[]): (InLine & { beside: number })[] {
  const counts = new Map<number, number>();
  const countOne = (repositoryId: number) => {
    const before = counts.get(repositoryId) ?? 0;
    counts.set(repositoryId, before + 1);
    return before;
  };
  for (const { repositoryId } of placed) countOne(repositoryId);
  const byAge = (a: InLine, b: InLine) => a.sinceMs - b.sinceMs || (a.run < b.run ? -1 : 1);
  return line
    .toSorted((a, b) => b.priority - a.priority || byAge(a, b))
    .map((each) => ({ ...each, beside: countOne(each.repositoryId) }))
    .sort((a, b) => b.priority - a.priority || a.beside - b.beside || byAge(a, b));
}

function fits({ needs, machine }: InLine, here: { machine: string; labels: readonly string[] }): boolean {
  return (machine === undefined || machine === here.machine) && needs.every((label) => here.labels.includes(label));
}
