/** What the tests came to, over all their steps. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, by name; what was skipped, by reason. */
  failures: string[];
  skips: string[];
}

export function emptyTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
}

export function addTallies(...tallies: Tally[]): Tally {
  return tallies.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
      failures: [...sum.failures, ...one.failures],
      skips: [...sum.skips, ...one.skips],
    }),
    emptyTally(),
  );
}

/** One thing that was looked at beside the tests proper, such as the linter: passed, or failed for `why`. */
export function checkTally(why?: string): Tally {
  return why === undefined ? { ...emptyTally(), passed: 1 } : { ...emptyTally(), failed: 1, failures: [why] };
}

/** The last line of `./airlock test`: programs read it. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
