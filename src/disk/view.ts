import type { DiskUse, Full } from "../run/full.ts";
import type { Engine } from "../sandbox/engine.ts";
import { type Holding, observeHoldings } from "./holdings.ts";

/** What an operator is shown of the machine's disks. */
export interface DiskView {
  disks: DiskUse[];
  boundPercent?: number;
  /** While no run may begin. */
  full?: Full;
  holdings: Holding[];
}

export async function readDisk(parts: {
  observe(): Promise<DiskUse[]>;
  full(): Full | undefined;
  boundPercent: number | undefined;
  engine: Engine;
  instance: string;
  dataFolder: string;
}): Promise<DiskView> {
  const { boundPercent } = parts;
  const full = parts.full();
  return {
    disks: await parts.observe(),
    ...(boundPercent !== undefined && { boundPercent }),
    ...(full && { full }),
    holdings: await observeHoldings(parts),
  };
}
