import type { Reporter, TestCase } from "vitest/node";

interface SeenError {
  name?: string;
  message?: string;
  stack?: string;
  /** Of a SuppressedError: what came last, and what it hides, which may hide more. vitest prints neither. */
  error?: SeenError;
  suppressed?: SeenError;
}

/** Prints what a failed test's own failure was where taking its things down failed as well. */
export default class SuppressedReporter implements Reporter {
  onTestCaseResult(test: TestCase): void {
    for (const error of test.result().errors ?? []) {
      const all = unfold(error as SeenError);
      if (all.length < 2) continue;
      const lines = all.map((each, at) => `${at + 1}. ${each.stack ?? each.message ?? String(each)}`);
      process.stderr.write(`${test.fullName} failed ${all.length} times, first by:\n${lines.join("\n")}\n`);
    }
  }
}

/** The first failure first. */
function unfold(error: SeenError): SeenError[] {
  if (!("suppressed" in error)) return [error];
  return [error.suppressed, error.error].flatMap((each) => (each ? unfold(each) : []));
}
