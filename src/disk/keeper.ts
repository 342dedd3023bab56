import type { Logger } from "pino";
import type { GitHost } from "../git/client.ts";
import type { BaseState } from "../git/host/bases.ts";
import type { BaseName } from "../git/names.ts";
import { type DiskUse, type Full, findFull, leftBytes } from "../run/full.ts";
import { surveyBases } from "./bases.ts";

export interface DiskKeeperParts {
  git: GitHost;
  observe(): Promise<DiskUse[]>;
  /** Undefined: nothing is bounded. */
  boundPercent: number | undefined;
  /** How long a base is kept after its last use. */
  keepCodeMs: number;
  log: Logger;
  nowMs(): number;
}

/** Sees that the machine's disk does not fill up: removes bases that nobody needs, and keeps runs from beginning where that is not enough. */
export interface DiskKeeper extends AsyncDisposable {
  /** While no run may begin. As it was seen some seconds ago at most. */
  full(): Full | undefined;
  /** Looks now; where a disk is full, makes what room there is to make. */
  look(): Promise<void>;
  /** Removes bases after their time and superseded ones, and repacks what is worn. */
  tidy(): Promise<void>;
  /** Makes room for so many bytes below the data folder, where it can. Answers how many may be written there until the bound. */
  makeRoom(bytes: number): Promise<number>;
}

/** Looked at often; what a full disk leaves to remove is looked for less often. */
const lookEveryMs = 5_000;
const removeEveryMs = 60_000;

/** Resolves when the disk has been looked at once. */
export async function startDiskKeeper(parts: DiskKeeperParts): Promise<DiskKeeper> {
  const { git, log, boundPercent, nowMs } = parts;
  let full: Full | undefined;
  let removedAtMs = Number.NEGATIVE_INFINITY;
  let removing: Promise<unknown> = Promise.resolve();

  /** One after the other: two that make room at once would both remove what one of them needs. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = removing.then(work, work);
    removing = mine.catch(() => undefined);
    return mine;
  };
  const leftForData = async () => {
    const disk = (await parts.observe()).find(({ of }) => of.includes("data"));
    return disk ? leftBytes(disk, boundPercent) : Number.POSITIVE_INFINITY;
  };
  const remove = async (bases: readonly BaseState[], enough: () => Promise<boolean>): Promise<BaseName[]> => {
    const removed: BaseName[] = [];
    for (const seen of bases) {
      if (await enough()) break;
      if (await git.removeBase(seen)) removed.push(seen.base);
    }
    return removed;
  };
  const survey = () => surveyBases(git, { keepMs: parts.keepCodeMs, nowMs: nowMs() });
  const makeRoom = (bytes: number) =>
    inTurn(async () => {
      const left = await leftForData();
      if (left > bytes) return left;
      const { stale, spare } = await survey();
      const removed = await remove([...stale, ...spare], async () => (await leftForData()) > bytes);
      if (removed.length > 0) log.info({ removed, bytes }, "bases removed to make room");
      return leftForData();
    });

  const look = async (): Promise<void> => {
    const before = full;
    full = findFull(await parts.observe(), boundPercent);
    if (full && nowMs() - removedAtMs >= removeEveryMs) {
      removedAtMs = nowMs();
      // Nobody begins until it is known whether this was enough.
      await makeRoom(0);
      full = findFull(await parts.observe(), boundPercent);
    }
    if (full && !before) log.warn(full, "the disk is full: no run begins until there is room");
    if (full) return;
    removedAtMs = Number.NEGATIVE_INFINITY;
    if (before) log.info({ boundPercent }, "the disk has room again");
  };
  const lookSafely = () => look().catch((error: unknown) => log.warn({ err: error }, "the disk was not looked at"));

  let looking = lookSafely();
  await looking;
  const timer = setInterval(() => {
    looking = looking.then(lookSafely);
  }, lookEveryMs);
  timer.unref();
  return {
    full: () => full,
    look() {
      const mine = looking.then(look);
      looking = mine.catch(() => undefined);
      return mine;
    },
    async tidy() {
      const { stale, worn } = await survey();
      const removed = await inTurn(() => remove(stale, async () => false));
      if (removed.length > 0) log.info({ removed }, "bases removed after their time");
      for (const seen of worn) {
        // A second copy is made first.
        if ((await leftForData()) <= seen.bytes) continue;
        if (await git.repackBase(seen)) log.info({ base: seen.base, packs: seen.packs }, "base repacked");
      }
    },
    makeRoom,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await looking;
      await removing;
    },
  };
}
