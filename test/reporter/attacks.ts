import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** One test as it ended. `file`: from the root; `name`: with its describes. */
export interface AttackResult {
  file: string;
  name: string;
  state: "passed" | "failed" | "skipped";
  /** The test itself saw its attempt succeed undefended: see test/helpers/control.ts. */
  controlled: boolean;
  why?: string;
}

/** For scripts/attacks.ts: writes what ended how to AIRLOCK_ATTACKS. */
export default class AttacksReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message: string }[]): void {
    const results: AttackResult[] = [];
    for (const module of modules) {
      let failed = 0;
      for (const test of module.children.allTests()) {
        const { state, errors: why } = test.result();
        if (state === "failed") failed += 1;
        results.push({
          file: module.relativeModuleId,
          name: test.fullName,
          state: state === "passed" || state === "skipped" ? state : "failed",
          controlled: test.meta().control === "fell",
          ...(why?.[0] && { why: why[0].message }),
        });
      }
      // A file whose hook failed, or that does not load, has proved nothing.
      if (module.state() === "failed" && failed === 0)
        results.push({ file: module.relativeModuleId, name: "the file itself", state: "failed", controlled: false });
    }
    for (const { message } of errors)
      results.push({ file: "", name: "outside any test", state: "failed", controlled: false, why: message });
    writeFileSync(process.env.AIRLOCK_ATTACKS ?? "/dev/null", JSON.stringify(results));
  }
}
