import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** What one vitest run came to. `failures`: full names, as people look for them. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
}

/** Ends vitest's output with `N passed, N failed`; or, for `./airlock test`, which adds more to it, writes the tally to AIRLOCK_TALLY. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly { message: string }[]): void {
    const tally: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] };
    for (const module of modules) add(tally, module);
    for (const error of unhandledErrors) fail(tally, `outside any test: ${error.message}`);
    const path = process.env.AIRLOCK_TALLY;
    if (path) writeFileSync(path, JSON.stringify(tally));
    else process.on("exit", () => process.stdout.write(`${closingLine(tally)}\n`));
  }
}

function add(tally: Tally, module: TestModule): void {
  let failedInside = 0;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === "passed") tally.passed += 1;
    else if (state === "skipped") tally.skipped += 1;
    else {
      failedInside += 1;
      fail(tally, `${module.relativeModuleId}: ${test.fullName}`);
    }
  }
  // A file that cannot be loaded, or whose hook failed, has no failed test to show for it.
  if (module.state() === "failed" && failedInside === 0) fail(tally, module.relativeModuleId);
}

function fail(tally: Tally, name: string): void {
  tally.failed += 1;
  tally.failures.push(name);
}

function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
