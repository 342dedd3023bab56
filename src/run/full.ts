/** A file system that holds something of Airlock's, as it was seen at one moment. */
export interface DiskUse {
  /** "data": of the data folder; "engine": of the container engine's. Both where they share one. */
  of: readonly ("data" | "engine")[];
  /** A folder on it. */
  path: string;
  usedBytes: number;
  /** What ordinary users may still write: what is kept back for root does not count, as in df. */
  availableBytes: number;
}

/** A disk that is at or above its bound: no run begins meanwhile. Percentages are whole. */
export interface Full {
  path: string;
  usedPercent: number;
  boundPercent: number;
}

/** Pure. The fullest disk that has reached the bound. `boundPercent` undefined: there is none. */
export function findFull(disks: readonly DiskUse[], boundPercent: number | undefined): Full | undefined {
  if (boundPercent === undefined) return undefined;
  const [fullest] = disks.filter((disk) => leftBytes(disk, boundPercent) <= 0).sort((a, b) => shareOf(b) - shareOf(a));
  return fullest && { path: fullest.path, usedPercent: Math.floor(shareOf(fullest) * 100), boundPercent };
}

/** Pure. What may be written until the bound is reached; nothing or less where it is. */
export function leftBytes(disk: DiskUse, boundPercent: number | undefined): number {
  if (boundPercent === undefined) return Number.POSITIVE_INFINITY;
  return Math.floor(((disk.usedBytes + disk.availableBytes) * boundPercent) / 100) - disk.usedBytes;
}

/** Between 0 and 1. */
export function shareOf({ usedBytes, availableBytes }: DiskUse): number {
  return usedBytes / Math.max(1, usedBytes + availableBytes);
}

/** "the machine's disk is 91 % full, and runs begin below 85 %" */
export function printFull({ usedPercent, boundPercent }: Full): string {
  return `the machine's disk is ${usedPercent} % full, and runs begin below ${boundPercent} %`;
}
