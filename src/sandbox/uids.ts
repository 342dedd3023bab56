import { Fault } from "../fault.ts";

/** The uids (and equal gids) that runs are given, one at a time each: the kernel counts some limits per uid. Named in the image's passwd. */
export const runUids = { first: 700_000, count: 256 } as const;

/** Finds the lines of an `/etc/subuid` (or subgid) that share a number with the runs' range. Lines: `name:first:count`. Pure. */
export function findOverlaps(subuid: string): string[] {
  return subuid.split("\n").filter((line) => {
    const [, first, count] = /^[^:]+:(\d+):(\d+)\s*$/.exec(line) ?? [];
    if (first === undefined || count === undefined) return false;
    return Number(first) < runUids.first + runUids.count && Number(first) + Number(count) > runUids.first;
  });
}

/** Throws Fault "engine.uids-taken" where a rootless user of this host owns uids of the runs' range: it could read a run's files. */
export function ensureUidsFree(subuid: string): void {
  const [overlap] = findOverlaps(subuid);
  if (overlap === undefined) return;
  throw new Fault("engine.uids-taken", `/etc/subuid gives away uids that Airlock's runs use: ${overlap}`, {
    remedy: `Move that range in /etc/subuid and /etc/subgid so that ${runUids.first} to ${runUids.first + runUids.count - 1} are free`,
  });
}
